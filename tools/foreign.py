"""Prove that the installed package works without this repository: new, check, types, tests, start, call.

    python -I tools/foreign.py --scratch FOLDER CONTRACT...

Runs with the interpreter of an environment that holds the wheel and its locked dependencies. For each
contract it makes a project, holds it to `handfast check` and `mypy --strict`, the first one to the project's
own tests as well, starts it with `handfast dev` and calls every operation: without credentials it answers
401 where the contract asks for some, and with them 501, problem details that name the function to write. Two
projects are worked on at a time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

BIN = Path(sys.executable).parent
START_SECONDS = 90


class Failure(Exception):
    """Something that should work does not."""


def main() -> None:
    """Prove it for each contract; exit 1 at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("contracts", type=Path, nargs="+")
    arguments = parser.parse_args()
    import handfast

    if not Path(handfast.__file__).is_relative_to(sys.prefix):
        sys.exit(f"handfast comes from {handfast.__file__}, not from the environment")
    first, *others = (Project.of(contract, arguments.scratch) for contract in arguments.contracts)
    try:
        first.make()
        with ThreadPoolExecutor(2) as pool:
            # The first types begin without a cache and take the longest; all others begin with its cache.
            learnt = pool.submit(first.hold_types, None)
            tested = pool.submit(first.test_and_call)
            list(pool.map(Project.make_and_call, others))
            tested.result()
            cache = learnt.result()
            list(pool.map(lambda other: other.hold_types(cache), others))
    except Failure as failure:
        sys.exit(str(failure))


@dataclass(frozen=True)
class Project:
    """A project around a contract, in a folder of its own."""

    name: str
    folder: Path

    @classmethod
    def of(cls, contract: Path, scratch: Path) -> Project:
        """Put `contract` into a folder beside the others, where its project is to be."""
        name = contract.parent.name if contract.stem in ("api", "openapi") else contract.stem
        folder = scratch / "beside" / name
        folder.mkdir(parents=True)
        shutil.copyfile(contract, folder / "api.yaml")
        return cls(name, folder)

    @property
    def root(self) -> Path:
        """Where the project is."""
        return self.folder / "service"

    def make(self) -> None:
        """Make the project, and hold it to `handfast check`."""
        self._run(self.folder, "handfast", "new", str(self.root), "--contract", "api.yaml")
        self._run(self.root, "handfast", "check")

    def hold_types(self, learnt: Path | None) -> Path:
        """Hold it to mypy, which begins with a copy of the cache `learnt`, and return its cache."""
        cache = self.folder / "mypy"
        if learnt is not None:
            shutil.copytree(learnt, cache)
        self._run(self.root, "mypy", "--strict", "--cache-dir", str(cache))
        return cache

    def call(self) -> None:
        """Start it and call every operation."""
        try:
            with dev(self.root) as ready:
                count = call_everything(self.root, ready)
        except Failure as failure:
            raise Failure(f"{self.name}: {failure}") from failure
        print(f"{self.name}: {count} operations answer as they should", flush=True)

    def test_and_call(self) -> None:
        """Run its own tests, which are the same in every project, and call it."""
        self._run(self.root, "pytest", "--quiet", "-p", "no:cacheprovider")
        self.call()

    def make_and_call(self) -> None:
        """Make it and call it."""
        self.make()
        self.call()

    def _run(self, folder: Path, command: str, *arguments: str) -> None:
        """Run a command of the environment in `folder`."""
        done = subprocess.run(
            [str(BIN / command), *arguments],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = f"{command} {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
            raise Failure(f"{self.name}: {said}")


def environment() -> dict[str, str]:
    """Return an environment that knows nothing of this repository."""
    kept = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "LC_ALL", "TMPDIR")}
    return kept | {"PATH": f"{BIN}{os.pathsep}{os.defpath}{os.pathsep}/usr/local/bin"}


@contextlib.contextmanager
def dev(project: Path) -> Iterator[dict[str, Any]]:
    """Run `handfast dev` and yield what it said when it was ready; it must stop in order on Ctrl-C."""
    log = project.parent / "dev.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [str(BIN / "handfast"), "dev", "--json", "--port", "0"],
            cwd=project,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield wait_until_ready(process, log)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    if process.returncode:
        raise Failure(f"handfast dev ended with {process.returncode}\n{log.read_text()}")


def wait_until_ready(process: subprocess.Popen[str], log: Path) -> dict[str, Any]:
    """Read events until the service is ready."""
    said = ""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if event["event"] == "ready":
            return event
        said += line
        if event["event"] == "refused":
            break
    raise Failure(f"handfast dev did not start\n{said}{log.read_text()}")


def call_everything(project: Path, ready: dict[str, Any]) -> int:
    """Call every operation twice, without and with credentials."""
    count = 0
    with httpx.Client(base_url=ready["url"], timeout=30) as client:
        expect(client.get("/health").status_code == 200, "/health is not well")
        published = json.loads((project / "generated" / "openapi.json").read_text())
        expect(
            client.get("/openapi.json").json() == published, "the served contract is not the published one"
        )
        for file in sorted(project.glob("generated/*/contract.json")):
            contract = json.loads(file.read_text())
            for name, operation in contract["operations"].items():
                call(client, name, operation, contract["securitySchemes"], ready["token"])
                count += 1
        expect(client.get("/no-such-path-anywhere").status_code == 404, "an unknown path is not 404")
    expect(count > 0, "there is no operation")
    return count


def call(
    client: httpx.Client, name: str, operation: dict[str, Any], schemes: dict[str, Any], token: str
) -> None:
    """Call one operation: 401 first where the contract wants to know who calls, then 501."""
    place = f"{operation['method']} {operation['path']}"
    path = re.sub(r"\{[^}]*\}", "1", operation["path"])
    security = operation["security"]
    if security and {} not in security:
        refused = client.request(operation["method"], path)
        expect(refused.status_code == 401, f"{place} without credentials: {refused.status_code}, not 401")
        expect("www-authenticate" in refused.headers, f"{place}: 401 without WWW-Authenticate")
    headers, query, cookies = credentials(security[0] if security else {}, schemes, token)
    answer = client.request(operation["method"], path, headers=headers | cookies, params=query)
    expect(answer.status_code == 501, f"{place}: {answer.status_code}, not 501\n{answer.text}")
    if operation["method"] != "HEAD":
        kind = answer.headers.get("content-type", "")
        expect(kind.startswith("application/problem+json"), f"{place}: 501 as {kind!r}, not problem details")
        expect(name in answer.text, f"{place}: the 501 does not name {name}: {answer.text}")


def credentials(
    alternative: dict[str, Any], schemes: dict[str, Any], token: str
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return headers, query parameters and the cookie header that satisfy one security alternative."""
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    cookies: dict[str, str] = {}
    for name in alternative:
        scheme = schemes[name]
        if scheme["type"] == "apiKey":
            {"header": headers, "query": query, "cookie": cookies}[scheme["in"]][scheme["name"]] = "developer"
        elif scheme["type"] == "http" and scheme["scheme"].lower() == "basic":
            headers["Authorization"] = f"Basic {b64encode(b'developer:x').decode()}"
        else:
            headers["Authorization"] = f"Bearer {token}"
    sent = {"Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items())} if cookies else {}
    return headers, query, sent


def expect(held: bool, said: str) -> None:
    """Raise `Failure` with `said` unless `held`."""
    if not held:
        raise Failure(said)


if __name__ == "__main__":
    main()
