"""Carries the steps of a Dockerfile out in a folder: no engine, no image, the host's own interpreter.

Each stage is a folder that stands for its root; absolute paths in instructions are moved below it. What an
engine would do by isolation alone (users, networks) is only recorded.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

ABSOLUTE = re.compile(r"(?<![\w./:-])/(?:build|srv)(?=[/\s\"':]|$)")
"""The folders that our stages make; everything else that begins with a slash belongs to the host."""


@dataclass
class Stage:
    """One `FROM` and what was done since."""

    base: str
    root: Path
    workdir: PurePosixPath = field(default_factory=lambda: PurePosixPath("/"))
    environment: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    user: str = "root"
    ports: list[str] = field(default_factory=list)

    def place(self, path: str) -> Path:
        """Where `path` of the image is in the folder."""
        full = PurePosixPath(path) if path.startswith("/") else self.workdir / path
        return self.root / str(full).lstrip("/")

    def moved(self, text: str) -> str:
        """`text` with the image's own absolute paths moved below the stage's folder."""
        return ABSOLUTE.sub(lambda found: f"{self.root}{found[0]}", text)

    def variables(self, host: dict[str, str]) -> dict[str, str]:
        """The environment of a process in the image, as seen from outside."""
        return host | {name: self.moved(value) for name, value in self.environment.items()}


def instructions(text: str) -> list[tuple[str, str]]:
    """Return (instruction, arguments) in order, comments and line breaks gone."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = [line.strip().partition(" ") for line in joined.splitlines() if line.strip()]
    return [(word.upper(), rest.strip()) for word, _, rest in found]


def carry_out(dockerfile: Path, scratch: Path) -> Stage:
    """Do what `dockerfile` says, from its own folder as the context; return the last stage."""
    tools = scratch / "host"
    tools.mkdir()
    (tools / "python").symlink_to(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    host = {
        name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_", "HOME"))
    }
    host["PATH"] = f"{tools}:/usr/local/bin:/usr/bin:/bin"
    stages: dict[str, Stage] = {}
    for word, rest in instructions(dockerfile.read_text(encoding="utf-8")):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stage = stages[name or "last"] = Stage(base, scratch / (name or "last"))
            stage.root.mkdir()
        else:
            _step(stage, word, rest, stages, dockerfile.parent, host)
    return stage


def _step(
    stage: Stage, word: str, rest: str, stages: dict[str, Stage], context: Path, host: dict[str, str]
) -> None:
    match word:
        case "WORKDIR":
            stage.workdir /= rest
            stage.place(".").mkdir(parents=True, exist_ok=True)
        case "ENV":
            for name, value in re.findall(r"([A-Z_0-9]+)=(\S+)", rest):
                stage.environment[name] = value.replace("$PATH", host["PATH"])
        case "COPY":
            _copy(stage, rest.split(), stages, context)
        case "RUN":
            done = subprocess.run(
                ["/bin/sh", "-c", stage.moved(rest)],
                cwd=stage.place("."),
                env=stage.variables(host),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"RUN {rest}\n{done.stdout}{done.stderr}"
        case "CMD":
            stage.command = json.loads(rest)
        case "HEALTHCHECK":
            stage.healthcheck = json.loads(rest.partition(" CMD ")[2] or rest.removeprefix("CMD "))
        case "USER":
            stage.user = rest
        case "EXPOSE":
            stage.ports = rest.split()
        case "LABEL":
            pass
        case _:
            raise AssertionError(f"{word} is an instruction that this test cannot carry out")


def _copy(stage: Stage, words: list[str], stages: dict[str, Stage], context: Path) -> None:
    other = stages[words.pop(0).removeprefix("--from=")] if words[0].startswith("--from=") else None
    *sources, target = words
    place = stage.place(target)
    for source in sources:
        found = other.place(source) if other else context / source
        into = place / found.name if target.endswith("/") else place
        into.parent.mkdir(parents=True, exist_ok=True)
        if found.is_dir():
            ignored = shutil.ignore_patterns("__pycache__") if other is None else None
            shutil.copytree(found, into, symlinks=True, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy2(found, into)
    if other and place.is_dir():
        _relocate(place, other.root, stage.root)


def _relocate(folder: Path, before: Path, after: Path) -> None:
    """Make scripts that were copied from a stage name the folder of this one: in images both are `/`."""
    for file in [folder / "pyvenv.cfg", *(folder / "bin").iterdir()]:
        if file.is_file() and not file.is_symlink():
            data = file.read_bytes()
            file.write_bytes(data.replace(os.fsencode(before), os.fsencode(after)))
