"""What an application reads or writes, summed up and handed to a callback twice a minute.

Counting happens in the application's thread and takes a lock for a few additions; the callback runs in a thread of its
own. So nothing here can block the application or raise into it: a callback that fails is logged, at most once an hour,
and its summary is lost, which the census sees as silence.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from instar.clock import now_ms
from instar.core.census_message import CensusMessage, Kind
from instar.core.version import label

FLUSH_EVERY_S = 30.0
CLOSE_WITHIN_S = 2.0
LOG_EVERY_S = 3600.0

OnUse = Callable[[CensusMessage], None]

_log = logging.getLogger("instar.client")


@dataclass(slots=True)
class _Window:
    start_ms: int
    handed: dict[tuple[str, str, int], int] = field(default_factory=dict)  # by topic, subject and version
    found: dict[tuple[str, str, int], int] = field(default_factory=dict)


class Usage:
    """Sums up for one deserializer or serializer. ``every_s`` is the length of a window, in seconds."""

    def __init__(
        self, kind: Kind, on_use: OnUse, *, client: str, group: str, owner: str, every_s: float = FLUSH_EVERY_S
    ) -> None:
        self._kind: Kind = kind
        self._on_use = on_use
        self._client, self._group, self._owner = client, group, owner
        self._every_s = every_s
        self._lock = threading.Lock()
        self._window = _Window(now_ms())
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._logged_s = -LOG_EVERY_S
        self.failures = 0  # summaries that the callback did not take

    def count(self, topic: str, subject: str, version: int, found: int) -> None:
        """One record: handed to the application (or written) at ``version``, found at another in the topic."""
        handed, had = (topic, subject, version), (topic, subject, found)
        with self._lock:
            window = self._window
            window.handed[handed] = window.handed.get(handed, 0) + 1
            window.found[had] = window.found.get(had, 0) + 1
            if self._thread is None and not self._closed.is_set():
                # Not made with the object: a program that forks in between would have no thread.
                self._thread = threading.Thread(target=self._run, name="instar-usage", daemon=True)
                self._thread.start()

    def close(self, within_s: float = CLOSE_WITHIN_S) -> None:
        """Hand over what has been counted; wait for it no longer than ``within_s`` seconds."""
        self._closed.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(within_s)

    def _run(self) -> None:
        while not self._closed.wait(self._every_s):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            window, self._window = self._window, _Window(now_ms())
            end_ms = max(self._window.start_ms, window.start_ms)
        for topic, subject in sorted({key[:2] for key in window.handed}):
            message = CensusMessage(
                kind=self._kind,
                topic=topic,
                subject=subject,
                versions=_of(window.handed, topic, subject),
                window_start_ms=window.start_ms,
                window_end_ms=end_ms,
                client=self._client,
                group=self._group,
                owner=self._owner,
                found=_of(window.found, topic, subject) if self._kind == "reads" else {},
            )
            try:
                self._on_use(message)
            except Exception:
                self.failures += 1
                now_s = time.monotonic()
                if now_s - self._logged_s >= LOG_EVERY_S:
                    self._logged_s = now_s
                    _log.warning("the summary of what is read or written was not taken", exc_info=True)


def _of(counts: dict[tuple[str, str, int], int], topic: str, subject: str) -> dict[str, int]:
    return {label(key[2]): count for key, count in sorted(counts.items()) if key[:2] == (topic, subject)}
