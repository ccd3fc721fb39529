"""CPU and memory of generating: `python -m tools.bench.generation [CONTRACT ...]`.

Each CONTRACT, a file whose references stay below its folder, is put into a project of its own; without one
this project is taken. Measured are the stages in one process, then the command itself: with an empty cache,
and again with nothing changed; last, what it does then without its imports. Children (ruff) count too.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = [sys.executable, "-m", "handfast", "generate", "--quiet", "--project"]


def cpu() -> float:
    """Seconds that this process and its children have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Print the CPU that the block takes."""
    began = cpu()
    yield
    print(f"  {name:<28} {cpu() - began:6.2f} s")


def stages(root: Path) -> None:
    """Generate the project at `root` in memory and print what each stage takes."""
    with stage("imports"):
        from handfast.codegen import output, project, write
    with stage("load, bundle, check, build"):
        loaded = project.load(project.Project(root))
    with stage("models, templates, ruff"):
        files = output.generate(loaded.features, root=root)
    with stage("compare with the disk"):
        write.plan(root, files)
    operations = sum(len(feature.operations) for feature in loaded.features)
    print(f"  {operations} operations, {len(files)} files, {sum(map(len, files.values())):,} characters")


def command(root: Path, name: str) -> None:
    """Run the command and print its CPU, its wall time and the peak of its largest process."""
    began = time.monotonic()
    child = subprocess.Popen([*COMMAND, str(root)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall, peak = time.monotonic() - began, used.ru_maxrss / 1024
    spent = used.ru_utime + used.ru_stime
    print(f"  {name:<28} {spent:6.2f} s of CPU, {wall:.2f} s in all, {peak:.0f} MB, exit {child.returncode}")


def unchanged(root: Path) -> None:
    """Print what the command takes with nothing changed, once everything that it needs is imported."""
    from handfast.cli.generation import Use, prepare

    prepare(root, cache=Use.READ).work()  # imports what only this way needs
    with stage("the same without imports"):
        made = prepare(root, cache=Use.READ)
        made.work()
        made.apply()


def measure(root: Path) -> None:
    """Print all figures of the project at `root`."""
    stages(root)
    shutil.rmtree(root / ".handfast" / "cache", ignore_errors=True)
    command(root, "handfast generate")
    command(root, "the same, nothing changed")
    unchanged(root)


def main() -> None:
    """Measure the contracts that the arguments name."""
    for name in sys.argv[1:]:
        contract = Path(name).resolve()
        print(contract.parent.name)
        with tempfile.TemporaryDirectory() as scratch:
            shutil.copytree(contract.parent, Path(scratch, "specs", "001-measured", "contracts"))
            measure(Path(scratch))
    if not sys.argv[1:]:
        measure(Path.cwd())


if __name__ == "__main__":
    main()
