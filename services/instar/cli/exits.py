"""Exit codes, and how a command ends early with a reason."""

from instar.operations.failure import ERROR, USAGE, Failure, fail

__all__ = ["ERROR", "INTERRUPTED", "NO", "OK", "REFUSED", "TERMINATED", "UNREACHABLE", "USAGE", "Failure", "fail"]

OK = 0
NO = 3  # the answer is no: mismatch, not ready, changes pending
REFUSED = 4  # approval, gate, lock, drift, fence
UNREACHABLE = 5
INTERRUPTED = 130  # stopped by SIGINT, the checkpoint saved
TERMINATED = 143  # stopped by SIGTERM, the checkpoint saved
