"""Random changes of a contract, one after another: nothing of what somebody wrote is lost."""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path

import pytest

from handfast.cli.generation import Generation, prepare
from handfast.cli.handlers import Work
from handfast.codegen.evolution.splice import PythonFile
from tests.evolution.project import APP, Shop, by_hand

SEQUENCES = int(os.environ.get("HANDFAST_EVOLUTION_SEQUENCES", "0"))
"""How many sequences of 1 to 10 changes, as `nox -s evolution` asks for; without it, two of three changes,
after the last of which the application is started and its types are checked."""
START = int(os.environ.get("HANDFAST_EVOLUTION_SEED", "0"))
_SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy knows of the packages that all projects use."""
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize("seed", range(START, START + (SEQUENCES or 2)))
def test_nothing_is_lost(seed: int, tmp_path: Path, cache: Path) -> None:
    shop = Shop(seed)
    shop.write(tmp_path)
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers/__init__.py").write_text("")
    (tmp_path / "app.py").write_text(APP)
    generated(tmp_path)
    operations = tmp_path / "handlers/shop/operations.py"
    for path, data in by_hand(operations.read_bytes(), seed).items():
        (tmp_path / path).write_bytes(data)
    told: set[str] = set()
    steps = shop.random.randint(1, 10) if SEQUENCES else 3
    for step in range(1, steps + 1):
        before = handlers(tmp_path)
        kind = shop.change()
        shop.write(tmp_path)
        work = generated(tmp_path)
        after = handlers(tmp_path)
        told = {shop.renamed.get(name, name) for name in told} | {
            name for one in work for name in named(tmp_path, one)
        }
        assert lost(before, after, shop.renamed) == [], kind
        assert generation(tmp_path).evolved.files == {}
        if SEQUENCES or step == steps:
            holds(tmp_path, cache, told)


def generation(root: Path) -> Generation:
    made = prepare(root)
    assert made.plan is not None, made.findings
    return made


def generated(root: Path) -> list[Work]:
    made = generation(root)
    work = made.work()
    assert not made.evolved.blocked, work
    made.apply()
    return work


def handlers(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((root / "handlers/shop").glob("*.py"))}


def lost(before: dict[str, bytes], after: dict[str, bytes], renamed: dict[str, str]) -> list[str]:
    """Comments and bodies that are not there any more, but for the words that the change replaced."""
    missing: list[str] = []
    for name, data in before.items():
        old, new = PythonFile(data), PythonFile(after[name])
        marks = "# Set aside by handfast:"
        comments = Counter(one for one in comments_of(old) if not one.startswith(marks))
        missing += [*(comments - Counter(comments_of(new))).elements()]
        text = replaced(new.text, renamed)
        for body in bodies_of(old):
            if replaced(body, renamed) not in text:
                missing.append(body)
        assert new.codec == old.codec
        ends = set(re.findall(r"\r\n|\r|\n", old.text))
        assert set(re.findall(r"\r\n|\r|\n", new.text)) <= (ends or {"\n"})
    return missing


def replaced(text: str, renamed: dict[str, str]) -> str:
    for old, new in renamed.items():
        text = re.sub(rf"\b{old}\b", new, text)
    return text


def comments_of(file: PythonFile) -> list[str]:
    text = re.sub(r"\r\n|\r", "\n", file.text)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def bodies_of(file: PythonFile) -> list[str]:
    """The text of each function from the line after its signature on."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in file.tree.body if isinstance(node, functions)]
    return [
        file.text[file.span(node.body[0])[0] : file.line_start((node.end_lineno or 0) + 1)] for node in found
    ]


def named(root: Path, work: Work) -> set[str]:
    """The functions that a line of the report speaks of: the one that it names, the one it stands in."""
    file = PythonFile((root / work.file).read_bytes())
    return {work.function, function_at(file, work.line)}


def function_at(file: PythonFile, line: int) -> str:
    for node in file.tree.body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        if first <= line <= (node.end_lineno or node.lineno):
            return str(getattr(node, "name", ""))
    return ""


def holds(root: Path, cache: Path, told: set[str]) -> None:
    """The application starts; what mypy complains of stands in a function that the report named."""
    environment = {**os.environ, "PYTHONPATH": str(_SOURCE), "MYPYPATH": str(_SOURCE)}
    started = subprocess.run(
        [sys.executable, "-c", "import app"], cwd=root, env=environment, capture_output=True, text=True
    )
    assert started.returncode == 0, started.stderr
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "--no-error-summary",
         "--hide-error-context", "app.py", "handlers"],
        cwd=root, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    surprising = []
    for line in checked.stdout.splitlines():
        found = re.match(r"(handlers/\S+\.py):(\d+): error: ", line)
        if found is None:
            # The fit of the handlers as a whole is told where they are handed over.
            if re.match(r"app\.py:\d+: error: Argument 1", line) and told:
                continue
            if re.match(r"app\.py:\d+: note: ", line):
                continue
            surprising.append(line)
        elif function_at(PythonFile((root / found[1]).read_bytes()), int(found[2])) not in told:
            surprising.append(line)
    assert not surprising, "\n".join([*surprising, *sorted(told)])
