"""Exit codes, and how a command ends early with a reason."""

from typing import NoReturn

OK = 0
ERROR = 1
USAGE = 2
NO = 3  # the answer is no: mismatch, not ready, changes pending
REFUSED = 4  # approval, gate, lock, drift, fence
UNREACHABLE = 5
INTERRUPTED = 130  # stopped by SIGINT, the checkpoint saved
TERMINATED = 143  # stopped by SIGTERM, the checkpoint saved


class Failure(Exception):
    """A command cannot go on: what happened, and what to do."""

    def __init__(self, message: str, remedy: str = "", exit_code: int = ERROR) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.exit_code = exit_code


def fail(message: str, remedy: str = "", exit_code: int = ERROR) -> NoReturn:
    raise Failure(message, remedy, exit_code)
