"""How long failures may follow one another, and how long to wait between two of them.

A worker that recovers polls, joins its group and reads without an error before the same fault meets it again. So a
turn that went well does not end a series of failures: a commit does, or a long time without any.
"""

import math

BACKOFF_FIRST_S = 0.1
BACKOFF_LAST_S = 5.0
QUIET_S = 120.0  # longer than the calls of one attempt may take together before the last of them times out


class Patience:
    """Told of every failure. ``wait_s`` is how long to wait before the next attempt."""

    def __init__(self) -> None:
        self.wait_s = BACKOFF_FIRST_S
        self._since_s = 0.0
        self._last_s = -math.inf
        self._commits = 0

    def failed(self, now_s: float, commits: int) -> float:
        """Another failure, after so many commits in all. For how many seconds there was nothing but failures."""
        if commits != self._commits or now_s - self._last_s > QUIET_S:
            self._since_s, self.wait_s = now_s, BACKOFF_FIRST_S
        else:
            self.wait_s = min(self.wait_s * 2, BACKOFF_LAST_S)
        self._last_s, self._commits = now_s, commits
        return now_s - self._since_s
