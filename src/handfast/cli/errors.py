"""How a command ends when it cannot do what was asked.

    CliError            3  the environment failed: database, port, file system
    └── WrongUse        2  the command line asks for something that cannot be

Findings in contracts and handlers are no exceptions: they are the result of a command, with exit code 1.
"""

from __future__ import annotations

from typing import ClassVar

from handfast.redaction import redact

OK = 0
FINDINGS = 1
WRONG_USE = 2
ENVIRONMENT = 3


class CliError(Exception):
    """Something outside the project stands in the way; says what it is and how to mend it."""

    code: ClassVar[int] = ENVIRONMENT

    def __init__(self, what: str, fix: str = "") -> None:
        """Take `what` went wrong and, where there is one, its cure; secrets are taken out of both."""
        self.what = redact(what)
        self.fix = redact(fix)
        super().__init__(self.what)

    def __str__(self) -> str:
        """Return `what` and, on the next line, `fix: how`."""
        return f"{self.what}\n  fix: {self.fix}" if self.fix else self.what


class WrongUse(CliError):
    """The command line asks for something that cannot be."""

    code = WRONG_USE
