"""CPU of `handfast diff` on large contracts: `python -m tools.bench.diff [CONTRACT] [OTHER]`.

CONTRACT is compared with OTHER, or with a copy in which some hundred schemas have changed (JSON or YAML, no
`$ref` to other files); without either, a contract of 1,000 operations is made. Measured is what the command
does, reading included, in this process. The aim: two contracts of 1,000 operations in less than 10 seconds.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import yaml

from handfast.cli.generation import without_collector
from handfast.codegen.project import load_file
from handfast.diff.compare import compare
from handfast.diff.contract import contracts
from tools.bench import large


def changed(node: Any, random: Random) -> int:
    """Change schemas in place; return how many."""
    count = 0
    if isinstance(node, dict):
        for wanted, chance, change in _CHANGES:
            if wanted(node) and random.random() < chance:
                change(node)
                count += 1
        return count + sum(changed(one, random) for one in list(node.values()))
    return sum(changed(one, random) for one in node) if isinstance(node, list) else 0


def _without_one(key: str) -> Any:
    return lambda node: node.update({key: node[key][:-1]})


_CHANGES: tuple[tuple[Any, float, Any], ...] = (
    (lambda node: node.get("type") == "string", 0.05, lambda node: node.update(maxLength=50)),
    (lambda node: node.get("type") == "integer", 0.05, lambda node: node.update(minimum=3)),
    (lambda node: isinstance(node.get("enum"), list) and len(node["enum"]) > 1, 0.1, _without_one("enum")),
    (
        lambda node: isinstance(node.get("required"), list) and len(node["required"]) > 1,
        0.1,
        _without_one("required"),
    ),
)


def copied(contract: Path, scratch: Path) -> tuple[Path, int]:
    """Write a changed copy of `contract`; return it, and how many schemas have changed."""
    document = yaml.load(contract.read_text(encoding="utf-8"), yaml.CSafeLoader)
    count = changed(document, Random(7))  # noqa: S311 (the same changes at each run)
    other = scratch / "other.json"
    other.write_text(json.dumps(document, default=str), encoding="utf-8")
    return other, count


def measure(contract: Path, other: Path) -> str:
    """Compare two contracts, and say what was found and what it took."""
    began = time.process_time()
    with without_collector():
        old, new = (load_file(file, file.parent, examples=False) for file in (contract, other))
        read = time.process_time()
        changes = compare(contracts(old), contracts(new), date(2026, 1, 1))
    done = time.process_time()
    operations = sum(len(feature.operations) for feature in new.features)
    counts = Counter(str(one.severity) for one in changes)
    told = ", ".join(f"{number} {name}" for name, number in counts.items())
    return (
        f"{operations} operations: {told}; read {read - began:.2f} s, compared {done - read:.2f} s, "
        f"{done - began:.2f} s of CPU in all"
    )


def main() -> None:
    """Measure the contracts that the arguments name."""
    named = [Path(name).resolve() for name in sys.argv[1:3]]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if not named:
            named = [scratch / "made.json"]
            named[0].write_text(json.dumps(large.contract(1000)), encoding="utf-8")
        if len(named) == 1:
            other, count = copied(named[0], scratch)
            named.append(other)
            print(f"{count} schemas changed")
        print(measure(*named))


if __name__ == "__main__":
    main()
