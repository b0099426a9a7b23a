"""The same request twice is done once: answers are kept under the key that the caller gave.

After draft-ietf-httpapi-idempotency-key-header: a key is required on what changes things, the same key with another
request is refused, and while the first is at work the second one is told so. Keys are in the state store, so that a
restart and a neighbour know them.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol
from uuid import uuid4

import structlog

from instar.dashboard.problems import Problem
from instar.dashboard.store import Store
from instar.state.errors import StateTrouble
from instar.state.idempotency import KEPT_MS, LEASE_MS, Request, Taken

log = structlog.get_logger(__name__)

HEADER = "Idempotency-Key"
MOST = 10_000  # in memory
_RENEWALS = 3  # within a lease's time: two may fail


class AnswerStore(Protocol):
    """Where keys are (``state/idempotency.py`` says what each method does)."""

    def take(self, request: Request, owner: str) -> Taken: ...

    def renew(self, request: Request, owner: str) -> bool: ...

    def finish(self, request: Request, owner: str, status: int, document: Any) -> bool: ...

    def release(self, request: Request, owner: str) -> None: ...

    def prune(self, most: int) -> int: ...


@dataclass(slots=True)
class _Held:
    fingerprint: str
    at_s: float
    owner: str
    until_s: float
    status: int = 0
    document: Any = None


class MemoryAnswers:
    """The keys of one process; it forgets the oldest beyond ``MOST``."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._held: OrderedDict[tuple[str, str], _Held] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, request: Request, owner: str) -> Taken:
        with self._lock:
            found = self.known(request)
            if found is not None:
                return found
            now_s, name = self._now_s(), (request.caller, request.key)
            self._held.pop(name, None)
            self._held[name] = _Held(request.fingerprint, now_s, owner, now_s + LEASE_MS / 1000)
            while len(self._held) > MOST:
                self._held.popitem(last=False)
            return Taken("mine")

    def known(self, request: Request) -> Taken | None:
        """What stands against taking it."""
        held, now_s = self._held.get((request.caller, request.key)), self._now_s()
        if held is None or held.at_s + KEPT_MS / 1000 <= now_s:
            return None
        if held.fingerprint != request.fingerprint:
            return Taken("another")
        if held.status:
            return Taken("done", held.status, held.document)
        return Taken("at work", for_s=held.until_s - now_s) if held.until_s > now_s else None

    def renew(self, request: Request, owner: str) -> bool:
        with self._lock:
            held = self._of(request, owner)
            if held is not None:
                held.until_s = self._now_s() + LEASE_MS / 1000
            return held is not None

    def finish(self, request: Request, owner: str, status: int, document: Any) -> bool:
        with self._lock:
            held = self._of(request, owner)
            if held is not None:
                held.status, held.document = status, document
            return held is not None

    def release(self, request: Request, owner: str) -> None:
        with self._lock:
            if self._of(request, owner) is not None:
                del self._held[request.caller, request.key]

    def prune(self, most: int) -> int:
        with self._lock:
            now_s = self._now_s()
            old = [name for name, held in self._held.items() if held.at_s + KEPT_MS / 1000 <= now_s][:most]
            for name in old:
                del self._held[name]
            return len(old)

    def _of(self, request: Request, owner: str) -> _Held | None:
        held = self._held.get((request.caller, request.key))
        return held if held is not None and held.owner == owner and not held.status else None


@dataclass(slots=True)
class Answer:
    """What a request is answered with: known already (``repeated``), or to be filled in; status 0 until it is."""

    status: int = 0
    document: Any = None
    repeated: bool = False


class Once:
    """The keys of this environment, or without a store those of this process."""

    def __init__(self, store: Store | None = None, renew_every_s: float = LEASE_MS / 1000 / _RENEWALS) -> None:
        self._store = store
        self._memory = MemoryAnswers()
        self._renew_every_s = renew_every_s

    @contextmanager
    def doing(self, caller: str, key: str, asked: bytes, *, needs_store: bool = False) -> Iterator[Answer]:
        """Yields the answer that is known, or one to fill in. A request that fails can be repeated.

        Where the store is away a request that ``needs_store`` is refused; others have their keys in memory. Raises
        ``Problem`` and ``StateTrouble``.
        """
        request, owner = Request(caller, key, sha256(asked).hexdigest()), uuid4().hex
        taken, stored = self._take(request, owner, needs_store=needs_store)
        if taken.kind != "mine":
            yield _known(taken)
            return
        answer = Answer()
        with self._held(request, owner, stored=stored):
            try:
                yield answer
            finally:
                self._end(request, owner, answer, stored=stored)

    def prune(self, most: int) -> None:
        """Raises ``StateTrouble``."""
        self._memory.prune(most)
        if self._store is not None:
            with self._store.asked() as state:
                state.answers.prune(most)

    def _take(self, request: Request, owner: str, *, needs_store: bool) -> tuple[Taken, bool]:
        """And whether the store has it."""
        known = self._memory.known(request)  # taken, or answered, while the store was away
        if known is not None:
            return known, False
        if self._store is not None:
            try:
                with self._store.asked() as state:
                    return state.answers.take(request, owner), True
            except StateTrouble:
                if needs_store:
                    raise
        return self._memory.take(request, owner), False

    @contextmanager
    def _held(self, request: Request, owner: str, *, stored: bool) -> Iterator[None]:
        """Renewed as long as it is at work, however long that is."""
        left = threading.Event()

        def keep() -> None:
            while not left.wait(self._renew_every_s):
                try:
                    with self._asked(stored=stored) as answers:
                        answers.renew(request, owner)
                except StateTrouble as trouble:
                    log.warning("a key could not be renewed", key=request.key, why=str(trouble))

        keeper = threading.Thread(target=keep, name=f"key {request.key}", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            left.set()
            keeper.join()

    def _end(self, request: Request, owner: str, answer: Answer, *, stored: bool) -> None:
        """Keep the answer, or give the key back where there is none."""
        try:
            with self._asked(stored=stored) as answers:
                if not answer.status:
                    answers.release(request, owner)
                elif not answers.finish(request, owner, answer.status, answer.document):
                    log.warning("a key was taken over while its request was at work", key=request.key)
        except StateTrouble as trouble:
            log.warning("an answer could not be kept in the state store", key=request.key, why=str(trouble))
            if answer.status:  # this server at least does not do it twice
                self._memory.take(request, owner)
                self._memory.finish(request, owner, answer.status, answer.document)

    @contextmanager
    def _asked(self, *, stored: bool) -> Iterator[AnswerStore]:
        if stored and self._store is not None:
            with self._store.asked() as state:
                yield state.answers
        else:
            yield self._memory


def _known(taken: Taken) -> Answer:
    if taken.kind == "another":
        raise Problem(422, "key-reused", f"This {HEADER} was used for another request.", "Make a new key.")
    if taken.kind == "at work":
        wait_s = max(1, math.ceil(taken.for_s))
        raise Problem(
            409,
            "in-progress",
            "The same request is still at work.",
            f"Send it again under the same key. Should the server that works on it have ended, it is done anew after "
            f"{wait_s} s.",
            headers={"Retry-After": "1"},
        )
    return Answer(taken.status, taken.document, repeated=True)
