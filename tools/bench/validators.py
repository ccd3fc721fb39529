"""Memory and CPU of all validators of a contract: `python -m tools.bench.validators CONTRACT ...`.

Each CONTRACT, a file whose references stay below its folder, is generated in memory. A process of its own
reads what a service reads at its start, `contract.json`, and compiles the validator of every parameter,
body, answer and header, which a service does at first use. Memory is what the process holds more than before.
"""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from handfast.runtime.contract import Contract, OperationSpec
from handfast.runtime.schemas import Check

MEBIBYTE = 2**20


def resident() -> float:
    """The resident memory of this process, in MiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kilobytes) * 1024 / MEBIBYTE


def checks(contract: Contract, spec: OperationSpec) -> Iterator[Check]:
    """Yield the checks of what an operation takes and answers."""
    for parameter in spec.parameters:
        yield contract.request.named(parameter.schema)
    for media in spec.body.media if spec.body else ():
        yield contract.request.named(media.schema)
    for answer in spec.responses.values():
        for one in (*answer.media, *answer.headers):
            yield contract.response.named(one.schema)


def compile_all(file: Path) -> None:
    """Compile the validators of one `contract.json` and print the figures."""
    contract = Contract.read(file)
    gc.collect()
    before, began = resident(), time.process_time()
    compiled = {
        id(check.validator) for spec in contract.operations.values() for check in checks(contract, spec)
    }
    spent = time.process_time() - began
    gc.collect()
    print(
        f"  {len(contract.operations)} operations, {len(compiled)} validators: "
        f"{resident() - before:.0f} MiB, {spent:.2f} s of CPU; the process holds {resident():.0f} MiB"
    )


def measure(contract: Path) -> None:
    """Generate the contract and measure its validators in a process of its own."""
    from handfast.codegen import output, project

    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        shutil.copytree(contract.parent, root / "specs" / "001-measured" / "contracts")
        files = output.generate(project.load(project.Project(root)).features, root=root)
        (text,) = (text for path, text in files.items() if path.endswith("/contract.json"))
        (root / "contract.json").write_text(text, encoding="utf-8")
        child = [sys.executable, "-m", "tools.bench.validators", "--compile", str(root / "contract.json")]
        subprocess.run(child, check=True)


def main() -> None:
    """Measure the contracts that the arguments name."""
    if sys.argv[1:2] == ["--compile"]:
        compile_all(Path(sys.argv[2]))
        return
    for name in sys.argv[1:]:
        contract = Path(name).resolve()
        print(contract.parent.name, flush=True)
        measure(contract)


if __name__ == "__main__":
    main()
