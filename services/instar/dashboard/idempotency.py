"""The same request twice is done once: answers are kept under the key that the caller gave.

After draft-ietf-httpapi-idempotency-key-header: a key is required on what changes things, the same key with another
request is refused, and while the first is at work the second one is told so.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from instar.dashboard.problems import Problem

HEADER = "Idempotency-Key"
KEPT_S = 24 * 3600
_MAX_KEPT = 10_000


@dataclass(slots=True)
class Answer:
    """What a request was answered with; ``document`` is None while it is at work."""

    fingerprint: str
    at_s: float
    document: Any = None
    done: bool = False


@dataclass(slots=True)
class Once:
    """The answers of this process. A restart forgets them, so what they guard is idempotent by itself, too."""

    now_s: Callable[[], float] = time.monotonic
    _answers: OrderedDict[tuple[str, str], Answer] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def doing(self, caller: str, key: str, request: bytes) -> Iterator[Answer]:
        """Yields the answer that is known, ``done``, or one to fill in. A request that fails can be repeated."""
        name, fingerprint = (caller, key), sha256(request).hexdigest()
        with self._lock:
            self._forget()
            known = self._answers.get(name)
            if known is None:
                known = self._answers[name] = Answer(fingerprint, self.now_s())
                mine = True
            else:
                mine = False
        if not mine:
            if known.fingerprint != fingerprint:
                raise Problem(422, "key-reused", f"This {HEADER} was used for another request.", "Make a new key.")
            if not known.done:
                raise Problem(409, "in-progress", "The same request is still at work.", headers={"Retry-After": "1"})
            yield known
            return
        try:
            yield known
        finally:
            if not known.done:
                with self._lock:
                    self._answers.pop(name, None)

    def _forget(self) -> None:
        oldest_s = self.now_s() - KEPT_S
        while self._answers:
            name, answer = next(iter(self._answers.items()))
            if answer.at_s > oldest_s and len(self._answers) < _MAX_KEPT:
                return
            del self._answers[name]
