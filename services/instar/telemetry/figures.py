"""The metrics of one worker. What a transaction did counts when it is committed, and not at all when it is aborted."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.util.types import Attributes

from instar.core.bridge import Carried
from instar.core.checkpoint import Counts
from instar.core.record import Output, Record
from instar.core.throttle import CAUSES, Cause
from instar.core.version import label
from instar.telemetry import names
from instar.telemetry.instruments import Instruments
from instar.telemetry.work import Work

_Became = tuple[tuple[str, int] | None, str, str | None]  # subject and version, result, why rejected


class Figures:
    """Times are wall-clock seconds where records' timestamps are involved, else monotonic."""

    def __init__(self, instruments: Instruments, work: Work) -> None:
        self._instruments = instruments
        self._work = work
        self._tally: dict[_Became, int] = {}
        self._sent: dict[str, int] = {}
        self._first_ms: dict[int, int] = {}  # by partition, of the open transaction
        self._last_ms: dict[int, int] = {}
        self._size_bytes = 0
        self._began_s: float | None = None
        self._written_s: dict[int, float] = {}  # when each assigned partition's checkpoint was last written
        self._lags: Mapping[int, int] = {}
        self._cause: Cause | None = None
        # What they show last stays until the process ends: the last thing that is told of a finished run.
        instruments.show(names.LAG_RECORDS, self._lag_records)
        instruments.show(names.LAG_TIME, self._lag_time)
        instruments.show(names.CHECKPOINT_AGE, self._checkpoint_age)
        instruments.show(names.THROTTLED, self._throttled)

    # ------------------------------------------------------------------ told by the worker

    def polled(self, records: Sequence[Record], began_s: float) -> None:
        if self._began_s is None:
            self._began_s = began_s
        self._first_ms = {one.partition: one.timestamp_ms for one in reversed(records)} | self._first_ms
        self._last_ms |= {one.partition: one.timestamp_ms for one in records}

    def carried(self, carried: Carried) -> None:
        rejected = carried.rejected
        key = (carried.source, carried.result, None if rejected is None else rejected.code)
        self._tally[key] = self._tally.get(key, 0) + 1

    def transformed(self, size_bytes: int, outputs: Mapping[tuple[str, int], Sequence[Output]]) -> None:
        self._size_bytes += size_bytes
        for (topic, _), some in outputs.items():
            self._sent[topic] = self._sent.get(topic, 0) + len(some)

    def committed(self, counts: Counts, partitions: Iterable[int], took_s: float) -> None:
        instruments, work = self._instruments, self._work
        now_s = time.monotonic()
        self._written_s |= dict.fromkeys(partitions, now_s)
        if counts.overtaken:
            self._tally[(None, "overtaken", None)] = counts.overtaken
        for key, number in self._tally.items():
            instruments.records.add(number, work.attributes | _became(key))
        if counts.read:
            polled = work.consuming | {names.MESSAGING_OPERATION_NAME: names.POLL}
            instruments.consumed.add(counts.read, polled)
        for topic, number in self._sent.items():
            instruments.sent.add(number, work.attributes | _sending(topic))
        instruments.read_size.add(self._size_bytes, work.attributes)
        operation = {names.MESSAGING_OPERATION_NAME: names.COMMIT, names.MESSAGING_OPERATION_TYPE: "settle"}
        instruments.operation_duration.record(took_s, work.consuming | operation)
        now_ms = time.time() * 1000
        for timestamp_ms in self._first_ms.values():
            if timestamp_ms >= 0:
                instruments.latency.record(max(0.0, (now_ms - timestamp_ms) / 1000), work.attributes)
        self._ended("committed")

    def aborted(self) -> None:
        if self._began_s is not None:
            self._ended("aborted")

    def stands(self, lags: Mapping[int, int], cause: Cause | None) -> None:
        """Offsets to go in each assigned partition, and what holds the worker back."""
        now_s = time.monotonic()
        self._written_s = {partition: self._written_s.get(partition, now_s) for partition in lags}
        self._lags, self._cause = dict(lags), cause

    def _ended(self, outcome: str) -> None:
        instruments, attributes = self._instruments, self._work.attributes | {names.OUTCOME: outcome}
        instruments.transactions.add(1, attributes)
        if self._began_s is not None:
            instruments.transaction_duration.record(time.monotonic() - self._began_s, attributes)
        self._tally, self._sent, self._first_ms = {}, {}, {}
        self._size_bytes, self._began_s = 0, None

    # ------------------------------------------------------------------ shown, in the SDK's own thread

    def _of_partitions(self, values: Mapping[int, float]) -> Collection[tuple[float, Attributes]]:
        consuming = self._work.consuming
        return [
            (value, consuming | {names.MESSAGING_DESTINATION_PARTITION_ID: str(partition)})
            for partition, value in values.items()
        ]

    def _lag_records(self) -> Collection[tuple[float, Attributes]]:
        return self._of_partitions(dict(self._lags))

    def _lag_time(self) -> Collection[tuple[float, Attributes]]:
        now_s, last_ms = time.time(), dict(self._last_ms)
        return self._of_partitions(
            {
                partition: max(0.0, now_s - last_ms[partition] / 1000) if lag else 0.0
                for partition, lag in self._lags.items()
                if not lag or last_ms.get(partition, -1) >= 0
            }
        )

    def _checkpoint_age(self) -> Collection[tuple[float, Attributes]]:
        now_s = time.monotonic()
        return self._of_partitions({partition: now_s - at_s for partition, at_s in dict(self._written_s).items()})

    def _throttled(self) -> Collection[tuple[float, Attributes]]:
        attributes = self._work.attributes
        return [(float(cause == self._cause), attributes | {names.THROTTLE_CAUSE: cause}) for cause in CAUSES]


def _became(key: _Became) -> dict[str, Any]:
    """Attributes with few values: versions that nobody has come from records, and are in none of them."""
    source, result, code = key
    said: dict[str, Any] = {names.RESULT: result}
    if source is not None:
        said |= {names.SUBJECT: source[0], names.VERSION: label(source[1])}
    if code is not None:
        said[names.ERROR_TYPE] = code
    return said


def _sending(topic: str) -> dict[str, Any]:
    return {
        names.MESSAGING_SYSTEM: names.SYSTEM,
        names.MESSAGING_DESTINATION_NAME: topic,
        names.MESSAGING_OPERATION_NAME: names.SEND,
    }
