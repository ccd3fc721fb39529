"""Random sequences of changes: `python -m tests.evolution.sequences [--count N] [--start N] [--minutes N]`.

A sequence is 1 to 10 changes of a contract whose handlers somebody wrote. After each the project is held
against four rules: no byte of a body or comment is lost, every file parses, the application starts, and
`mypy --strict` complains only of functions that a report named. Sequences are told apart by their seed, so a
session that ends early goes on with `--start`, and several share the work.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tokenize
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from handfast.cli.generation import Generation, prepare
from handfast.cli.handlers import Work
from handfast.codegen.evolution.splice import PythonFile
from tests.evolution.project import APP, TEST, Shop, by_hand, tests_of

_SOURCE = Path(__file__).parents[2] / "src"
_MARK = "# Set aside by handfast:"
BATCH = 200
"""Projects that one run of mypy checks: its start and the packages that all share cost as much as 40 do."""


@dataclass
class Figures:
    """What the sequences came to; `failures` are in words, with the seed and step of each."""

    sequences: int = 0
    steps: int = 0
    functions: int = 0
    bytes_lost: int = 0
    boots: int = 0
    told: int = 0
    untold: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Return the figures as a Markdown table, then how often each kind of change came."""
        rows = {
            "sequences": self.sequences,
            "steps": self.steps,
            "functions compared": self.functions,
            "bytes of bodies and comments lost": self.bytes_lost,
            "applications started": self.boots,
            "mypy complaints that the report told": self.told,
            "mypy complaints that it did not": self.untold,
            "sequences that failed": len({one.partition(" ")[0] for one in self.failures}),
        }
        lines = ["| figure | |", "|---|--:|", *(f"| {name} | {value:,} |" for name, value in rows.items())]
        lines += ["", ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()))]
        return "\n".join(lines)


@dataclass(frozen=True)
class Snapshot:
    """A project after a step, and the functions that the reports up to it named."""

    label: str
    root: Path
    told: frozenset[str]


class Session:
    """Runs sequences, and mypy over the projects they left whenever there are enough of them."""

    def __init__(self, scratch: Path, *, short: bool = False) -> None:
        self.scratch = scratch
        self.short = short
        self.figures = Figures()
        self.pending: list[Snapshot] = []

    def run(self, seed: int) -> None:
        """Run the sequence of one seed; what fails in it is kept, and ends it."""
        self.figures.sequences += 1
        step = 0
        root = self.scratch / "project"
        try:
            for step, told in enumerate(self._steps(seed, root), 1):
                self.figures.steps += 1
                if not self.short or step == 3:
                    if error := started(root):
                        raise AssertionError(error)
                    self.figures.boots += 1
                    self._keep(f"{seed}.{step}", root, told)
        except Exception:  # whatever it is, it is a failure of this sequence
            self.figures.failures.append(f"{seed} after step {step}:\n{traceback.format_exc()}")
        shutil.rmtree(root, ignore_errors=True)
        if len(self.pending) >= BATCH:
            self.check()

    def _steps(self, seed: int, root: Path) -> Iterator[frozenset[str]]:
        """Make the project and change it; each time, the functions named by a report so far."""
        shop = Shop(seed)
        shop.write(root)
        (root / "handlers").mkdir()
        (root / "handlers/__init__.py").write_text("")
        (root / "app.py").write_text(APP)
        generated(root)
        operations = root / "handlers/shop/operations.py"
        for path, data in by_hand(operations.read_bytes(), seed).items():
            (root / path).write_bytes(data)
        (root / "tests").mkdir()
        (root / TEST).write_bytes(tests_of(shop))
        told: set[str] = set()
        for _ in range(3 if self.short else shop.random.randint(1, 10)):
            before = own(root)
            kinds = shop.change()
            self.figures.kinds.update(kinds)
            shop.write(root)
            work = generated(root)
            told = {shop.renamed.get(name, name) for name in told}
            told |= {name for one in work for name in named(root, one)}
            missing = lost(before, own(root), shop.renamed)
            self.figures.functions += sum(len(bodies_of(PythonFile(data))) for data in before.values())
            self.figures.bytes_lost += sum(len(one.encode()) for one in missing)
            assert not missing, f"{kinds}: lost {missing}"
            again = generation(root).evolved.files
            assert not again, f"{kinds}: the same again changes {sorted(again)}"
            yield frozenset(told)

    def _keep(self, label: str, root: Path, told: frozenset[str]) -> None:
        """Keep the project as a package of its own, so that one run of mypy sees many; lines stay."""
        package = f"s{len(self.pending)}"
        kept = self.scratch / "batch" / package
        for path in sorted(root.rglob("*.py")):
            copy = kept / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = rb"(?<![\w./])(generated|handlers)\.shop\b"
            copy.write_bytes(re.sub(text, rb"%b.\1.shop" % package.encode(), path.read_bytes()))
        (kept / "__init__.py").write_bytes(b"")
        self.pending.append(Snapshot(label, kept, told))

    def check(self) -> None:
        """Check the types of every project that is kept; all its own modules are read anew."""
        if not self.pending:
            return
        batch = self.scratch / "batch"
        names = [f"{one.root.name}/{part}" for one in self.pending for part in ("app.py", "handlers", TEST)]
        (self.scratch / "names").write_text("\n".join(names))
        checked = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(self.scratch / "mypy"),
             "--no-error-summary", "--hide-error-context", f"@{self.scratch / 'names'}"],
            cwd=batch, env={**os.environ, "PYTHONPATH": str(_SOURCE), "MYPYPATH": str(_SOURCE)},
            capture_output=True, text=True,
        )  # fmt: skip
        assert checked.returncode in (0, 1), checked.stderr or checked.stdout
        projects = {one.root.name: one for one in self.pending}
        for line in checked.stdout.splitlines():
            package, _, rest = line.partition("/")
            one = projects.get(package)
            if one is None:
                raise AssertionError(line)
            verdict = judged(one, rest)
            self.figures.told += verdict is True
            if verdict is False:
                self.figures.untold += 1
                self.figures.failures.append(f"{one.label} {rest}; told: {sorted(one.told)}")
        shutil.rmtree(batch)
        for kept in (self.scratch / "mypy").glob("*/s[0-9]*"):
            shutil.rmtree(kept)
        self.pending = []


_FUNCTIONS = re.compile(r'"(?:async )?def (\w+)\(')
"""The functions whose types a message shows."""


def judged(one: Snapshot, line: str) -> bool | None:
    """Whether the report told what mypy says in `line`; None for a note that says nothing of its own."""
    conflict = re.match(r"app\.py:\d+: note: \s+(?:async )?def (\w+)\(", line)
    if conflict:
        return None if conflict[1] in one.told else False
    if re.match(r"app\.py:\d+: error: Argument 1", line):
        return bool(one.told)  # the fit as a whole; the notes name functions
    found = re.match(r"(\S+\.py):(\d+): (error|note): ", line)
    if found is None:
        return False
    if found[3] == "note":
        return None
    if not one.told.isdisjoint(_FUNCTIONS.findall(line)):
        return True  # such as a list of handlers that do not go together by now: the message shows them
    return function_at(PythonFile((one.root / found[1]).read_bytes()), int(found[2])) in one.told


def started(root: Path) -> str:
    """Start the application and run its tests' module in a child that has the packages; what went wrong.

    The process forks rather than starts: importing the packages takes ten times what the project does.
    """
    import httpx  # noqa: F401 - what the child needs, imported once

    import handfast.runtime  # noqa: F401 - as above

    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            _start(root)
        except BaseException:  # the parent is told, and the child ends here
            os.write(write, traceback.format_exc()[-4000:].encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        error = said.read()
    _, status = os.waitpid(child, 0)
    return error or ("" if status == 0 else f"ended with {status}")


def _start(root: Path) -> None:
    import httpx

    with open(os.devnull, "w") as quiet:  # a log of requests, that nobody reads
        os.dup2(quiet.fileno(), 1)
        os.dup2(quiet.fileno(), 2)
    os.chdir(root)
    sys.path.insert(0, str(root))
    for name in [*sys.modules]:
        if name.partition(".")[0] in ("app", "generated", "handlers"):
            del sys.modules[name]
    sys.dont_write_bytecode = True
    import app

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app.app), base_url="http://test"
        ) as client:
            return await client.get("/openapi.json")

    answer = asyncio.run(ask())
    assert answer.status_code == 200, answer.text
    code = (root / TEST).read_bytes()
    exec(compile(code, str(root / TEST), "exec"), {"__name__": "tests.test_shop"})  # noqa: S102 - made here


def generation(root: Path) -> Generation:
    made = prepare(root)
    assert made.plan is not None, made.findings
    return made


def generated(root: Path) -> list[Work]:
    """Generate, and return the report."""
    made = generation(root)
    work = made.work()
    assert not made.evolved.blocked, work
    made.apply()
    return work


def own(root: Path) -> dict[str, bytes]:
    """The files that somebody wrote: path → bytes."""
    paths = [*sorted((root / "handlers/shop").glob("*.py")), root / TEST]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def lost(before: dict[str, bytes], after: dict[str, bytes], renamed: dict[str, str]) -> list[str]:
    """Comments and bodies that are not there any more, but for the words that the change replaced."""
    missing: list[str] = []
    for name, data in before.items():
        old, new = PythonFile(data), PythonFile(after[name])
        comments = Counter(one for one in comments_of(old) if not one.startswith(_MARK))
        missing += [*(comments - Counter(comments_of(new))).elements()]
        text = replaced(new.text, renamed)
        missing += [body for body in bodies_of(old) if replaced(body, renamed) not in text]
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
    """The text of each function, at whatever depth, from the line after its signature on."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(file.tree) if isinstance(node, functions)]
    return [
        file.text[file.span(node.body[0])[0] : file.line_start((node.end_lineno or 0) + 1)] for node in found
    ]


def named(root: Path, work: Work) -> set[str]:
    """The functions that a line of the report speaks of: the one that it names, the one it stands in."""
    file = PythonFile((root / work.file).read_bytes())
    return {work.function, function_at(file, work.line)}


def function_at(file: PythonFile, line: int) -> str:
    """The name of the outermost definition around a line, conditional ones too; empty between them."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = ""
    for node in ast.walk(file.tree):  # the deeper later; the outermost wins
        if found or not isinstance(node, kinds):
            continue
        first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        if first <= line <= (node.end_lineno or node.lineno):
            found = node.name
    return found


def main() -> int:
    """Run the sequences that the arguments ask for and print the figures; 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="how many sequences")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin none after this time")
    chosen = parser.parse_args()
    began, spent = time.monotonic(), os.times()
    with tempfile.TemporaryDirectory() as scratch:
        session = Session(Path(scratch))
        for seed in range(chosen.start, chosen.start + chosen.count):
            if time.monotonic() - began > chosen.minutes * 60:
                break
            session.run(seed)
        session.check()
    figures = session.figures
    now = os.times()
    cpu, wall = sum(now[:4]) - sum(spent[:4]), time.monotonic() - began
    said = [*figures.failures, figures.table(), f"{cpu:.0f} s of CPU, {wall:.0f} s in all"]
    if figures.sequences < chosen.count:
        said.append(f"ended by time; go on with --start {chosen.start + figures.sequences}")
    sys.stdout.write("\n\n".join(said) + "\n")
    return 1 if figures.failures else 0


if __name__ == "__main__":
    sys.exit(main())
