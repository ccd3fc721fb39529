"""What a command says: results on standard output, progress and trouble on standard error.

With `--json` standard output is one line of JSON (for a command that keeps running, one for each event too)
and nothing else is printed. Colours appear on a terminal only, and never with `--no-color` or `NO_COLOR`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

import typer

from handfast.cli.errors import CliError

if TYPE_CHECKING:
    from handfast.codegen.ir import Finding
    from handfast.runtime.faults import Fault

SLOW_SECONDS = 1.0
"""A step that takes longer than this says what it is doing."""


@dataclass(frozen=True, slots=True)
class Output:
    """Prints for one run of one command, in the form that its options ask for."""

    json: bool = False
    quiet: bool = False
    color: bool = True
    _document: dict[str, object] = field(default_factory=dict)

    def result(self, text: str, **facts: object) -> None:
        """Say what the command did; `facts` are its form for programs."""
        if self.json:
            self._document.update(facts)
        elif not self.quiet and text:
            self._print(sys.stdout, text)

    def data(self, text: str, **facts: object) -> None:
        """Print what the command was asked for, e.g. a token or a diff; `--quiet` does not silence it."""
        if self.json:
            self._document.update(facts)
        elif text:
            self._print(sys.stdout, text)

    def note(self, text: str) -> None:
        """Say what is going on, for whoever waits."""
        if not self.json and not self.quiet:
            self._print(sys.stderr, text)

    def findings(self, findings: Iterable[Finding], words: Callable[[Finding], str] | None = None) -> None:
        """Print each finding with its place and its cure; `words` gives the severity of those not fatal."""
        listed = list(findings)
        if self.json:
            facts = [finding_facts(finding) for finding in listed]
            if words is not None:
                facts = [
                    {**fact, "severity": words(finding)} for fact, finding in zip(facts, listed, strict=True)
                ]
            self._append("findings", facts)
            return
        for finding in listed:
            word = "" if finding.fatal else "warning"
            if words is not None:
                word = f"{words(finding)} [{finding.code}]"
            place = self._paint(f"{finding.source}:", bold=True)
            color = typer.colors.RED if finding.fatal else typer.colors.YELLOW
            mark = self._paint(f"{word}: ", color=color) if word else ""
            self._print(sys.stdout, f"{place} {mark}{finding.what}\n  fix: {finding.fix}")

    def faults(self, faults: Iterable[Fault]) -> None:
        """Print why a service cannot or should not start."""
        listed = list(faults)
        if self.json:
            self._append("faults", [fault_facts(fault) for fault in listed])
            return
        for fault in listed:
            self._print(sys.stderr, str(fault))

    def trouble(self, error: CliError) -> None:
        """Say why the command could not be carried out."""
        if self.json:
            self._document["error"] = {"what": error.what, "fix": error.fix}
        else:
            self._print(sys.stderr, f"{self._paint('handfast:', color=typer.colors.RED)} {error}")

    def event(self, event: str, text: str, **facts: object) -> None:
        """Report one step of a command that keeps running: a line of text, or of JSON."""
        if self.json:
            self._print(sys.stdout, json.dumps({"event": event, **facts}))
        elif not self.quiet:
            self._print(sys.stdout, text)

    def finding_event(self, finding: Finding) -> None:
        """Report a finding while the command keeps running."""
        self._always("finding", str(finding), finding_facts(finding))

    def fault_event(self, fault: Fault) -> None:
        """Report a fault while the command keeps running."""
        self._always("fault", str(fault), fault_facts(fault))

    def _always(self, event: str, text: str, facts: Mapping[str, object]) -> None:
        self._print(sys.stdout, json.dumps({"event": event, **facts}) if self.json else text)

    @contextmanager
    def progress(self, doing: str) -> Iterator[None]:
        """Say `doing` when what happens inside takes more than a second."""
        timer = threading.Timer(SLOW_SECONDS, self.note, (f"{doing} …",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def close(self, code: int) -> None:
        """Print the JSON document, if that is the form and there is something in it."""
        if self.json and self._document:
            self._print(sys.stdout, json.dumps({"ok": code == 0, **self._document}))

    def _append(self, key: str, facts: Sequence[Mapping[str, object]]) -> None:
        present = self._document.setdefault(key, [])
        assert isinstance(present, list)  # noqa: S101 - only this method writes such keys
        present.extend(facts)

    def _paint(self, text: str, *, color: str | None = None, bold: bool = False) -> str:
        wanted = self.color and "NO_COLOR" not in os.environ and sys.stdout.isatty() and sys.stderr.isatty()
        return typer.style(text, fg=color, bold=bold) if wanted else text

    def _print(self, stream: TextIO, text: str) -> None:
        print(text, file=stream, flush=True)


def finding_facts(finding: Finding) -> dict[str, object]:
    """Return `finding` as JSON says it."""
    return {
        "file": finding.source.file,
        "line": finding.source.line,
        "column": finding.source.column,
        "code": finding.code,
        "what": finding.what,
        "fix": finding.fix,
        "fatal": finding.fatal,
    }


def fault_facts(fault: Fault) -> dict[str, object]:
    """Return `fault` as JSON says it."""
    return {"where": fault.where, "what": fault.what, "fix": fault.fix, "fatal": fault.fatal}
