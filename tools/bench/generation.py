"""CPU and memory of generating a project, imports apart: `python -m tools.bench.generation [DIR]`."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from pathlib import Path


def main() -> None:
    """Generate the project in DIR (default: this one) in memory, several times, and print the medians."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    started = time.process_time()
    from handfast.codegen import output, project

    loaded = project.load(project.Project(root))
    files = output.generate(loaded.features, root=root)
    first = time.process_time() - started
    spent: list[float] = []
    for _ in range(5):
        started = time.process_time()
        loaded = project.load(project.Project(root))
        files = output.generate(loaded.features, root=root)
        spent.append(time.process_time() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    formatter = (children.ru_utime + children.ru_stime) / 6
    operations = sum(len(feature.operations) for feature in loaded.features)
    print(f"operations {operations}, files {len(files)}, bytes {sum(map(len, files.values())):,}")
    after = statistics.median(spent)
    print(f"CPU: {first:.2f} s with imports, {after:.3f} s after them, {formatter:.3f} s in the formatter")
    print(f"peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
