"""How an operation ends early with a reason: what happened, and what to do."""

from typing import NoReturn

from instar.core.finding import Finding

ERROR = 1
USAGE = 2


class Failure(Exception):
    """An operation cannot go on. ``exit_code`` is the command line's: 2 where what was asked for makes no sense."""

    def __init__(self, message: str, remedy: str = "", exit_code: int = ERROR) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.exit_code = exit_code


class NotThere(Failure):
    """What was named does not exist."""


class Broken(Failure):
    """The project has errors that stand against it. ``findings`` are all of them."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        count = len(findings)
        super().__init__(f"The project has {count} error{'s'[: count != 1]}.", "`instar check` shows all of them.")
        self.findings = findings


def fail(message: str, remedy: str = "", exit_code: int = ERROR) -> NoReturn:
    raise Failure(message, remedy, exit_code)
