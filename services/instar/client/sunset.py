"""Says in the log that a version ends, to the programs that still depend on it: once an hour for each."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Literal

from instar.core.subject import Subject
from instar.core.version import label
from instar.project.subject_file import Deprecation, SubjectFile, deprecation_of

WARN_EVERY_S = 3600.0

_log = logging.getLogger("instar.client")


class Sunset:
    """Thread-safe: at worst two threads say it at once. ``clock`` is monotonic, in seconds."""

    def __init__(
        self,
        verb: Literal["reads", "writes"],
        subjects: Mapping[str, Subject],
        notes: Mapping[str, SubjectFile],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verb = verb
        self._subjects = subjects
        self._notes = notes
        self._clock = clock
        self._ends: dict[tuple[str, int], Deprecation] = {
            (name, version): ends
            for name, subject in subjects.items()
            for version in subject.versions
            if (ends := deprecation_of(notes[name], version)) is not None
        }
        self._said_s: dict[tuple[str, int, str], float] = {}

    def met(self, subject: str, version: int, topic: str) -> None:
        """The program depends on this version. Cheap where nothing is said of its end."""
        ends = self._ends.get((subject, version))
        if ends is None:
            return
        key, now_s = (subject, version, topic), self._clock()
        if now_s - self._said_s.get(key, -WARN_EVERY_S) < WARN_EVERY_S:
            return
        self._said_s[key] = now_s
        _log.warning("%s", self._words(subject, version, topic, ends))

    def _words(self, name: str, version: int, topic: str, ends: Deprecation) -> str:
        where = f" {'of' if self._verb == 'reads' else 'into'} topic {topic}" if topic else ""
        what = f"this program {self._verb} {name} {label(version)}{where}, which is deprecated"
        why = f": {ends.reason}" if ends.reason else ""
        when = "" if ends.sunset is None else f"; its sunset is {ends.sunset} ({_distance(ends.sunset)})"
        subject, notes = self._subjects[name], self._notes[name]
        whom = ", ".join(part for part in (notes.owner, notes.contact) if part)
        newer = f"; move to {label(subject.latest)}" if subject.latest != version else ""
        return f"{what}{why}{when}{newer}{f' (owner: {whom})' if whom else ''}"


def _distance(day: date) -> str:
    days = (day - datetime.now(UTC).date()).days
    return f"in {days} days" if days > 1 else "tomorrow" if days == 1 else "today" if days == 0 else "passed"
