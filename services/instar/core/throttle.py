"""How fast a worker may go: the asked rate, and what makes it yield by itself. Plain arithmetic over a given time.

Several limits hold at once, and any one of them throttles. Two of them hold a worker back altogether until they are
over (a pause, a watched group that lags), one makes it wait between transactions (slow commits), one spaces records
out (a rate).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

BURST_S = 1.0  # what a worker missed of its rate it may make up for, at most this much of it
QUANTUM_S = 0.05  # records come in portions of this much time, or a fast rate would be spent on tiny polls
FIRST_RECORD_BYTES = 1_024.0  # how large records are taken to be until some were seen
SMOOTHING = 0.2
RECOVERED = 0.8  # a watched group counts as caught up below this part of the limit, so that holding does not flutter
BACKOFF_FIRST_S = 0.25
BACKOFF_LAST_S = 10.0

_RATE = re.compile(r"(?P<number>\d+(?:_\d+)*(?:\.\d+)?)\s*(?P<unit>[A-Za-z]*)/s\Z")
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


@dataclass(frozen=True, slots=True)
class Rate:
    """Records and bytes (of keys and values) a second over all workers; None where there is no limit."""

    records_per_s: float | None = None
    bytes_per_s: float | None = None

    @property
    def limits(self) -> bool:
        return self.records_per_s is not None or self.bytes_per_s is not None

    def part(self, share: float) -> "Rate":
        """One worker's part of the rate."""
        records, size = self.records_per_s, self.bytes_per_s
        return Rate(None if records is None else records * share, None if size is None else size * share)

    def __str__(self) -> str:
        parts = [] if self.records_per_s is None else [f"{self.records_per_s:,g} records/s"]
        parts += [] if self.bytes_per_s is None else [f"{self.bytes_per_s / 10**6:,g} MB/s"]
        return " and ".join(parts) or "unlimited"

    def as_dict(self) -> dict[str, float | None]:
        return {"records_per_s": self.records_per_s, "bytes_per_s": self.bytes_per_s}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        return cls(said.get("records_per_s"), said.get("bytes_per_s"))


UNLIMITED_RATE = Rate()

Cause = Literal["pause", "lag", "latency", "rate"]
CAUSES: tuple[Cause, ...] = get_args(Cause)


def parse_rate(text: str) -> Rate:
    """``5000/s`` (records), ``20MB/s`` (bytes), both with a comma between them, or ``unlimited``. ValueError else."""
    if text == "unlimited":
        return Rate()
    rate = Rate()
    for part in text.split(","):
        match = _RATE.match(part.strip())
        unit = match["unit"].upper() if match else ""
        number = float(match["number"].replace("_", "")) if match else 0.0
        if number <= 0 or (unit and unit not in _BYTES):
            raise ValueError(
                f"{part.strip()!r} is not a rate: write 5000/s for records, 20MB/s for bytes, or unlimited"
            )
        rate = Rate(rate.records_per_s, number * _BYTES[unit]) if unit else Rate(number, rate.bytes_per_s)
    return rate


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a worker may do in its next turn.

    ``records`` is how many it may poll (None: as many as it likes); where it is 0 the worker looks again after
    ``wait_s``. ``hold``: read nothing until told otherwise, but stay in the group. ``reason`` is for people, ``cause``
    its kind.
    """

    records: int | None = None
    wait_s: float = 0.0
    hold: bool = False
    reason: str = ""
    cause: Cause | None = None


UNLIMITED = Allowance()


@dataclass(slots=True)
class Bucket:
    """Tokens that come in at a rate. Taking more than there are leaves a debt, which is waited for."""

    per_s: float
    tokens: float = 0.0
    _at_s: float | None = None

    def fill(self, now_s: float) -> None:
        if self._at_s is not None:
            self.tokens = min(self.tokens + (now_s - self._at_s) * self.per_s, self.per_s * BURST_S)
        self._at_s = now_s

    def change(self, per_s: float, now_s: float) -> None:
        """Another rate from now on; what was saved up is worth the same time as before, and no more than a burst."""
        self.fill(now_s)
        self.tokens = min(self.tokens, per_s * BURST_S)
        self.per_s = per_s

    def wait_s(self, wanted: float) -> float:
        return max(0.0, (wanted - self.tokens) / self.per_s)


@dataclass(slots=True)
class Backoff:
    """Waits between transactions while the cluster is slow to take them. ``limit_s`` None: never."""

    limit_s: float | None = None
    reason: str = ""
    _wait_s: float = 0.0
    _until_s: float = 0.0

    def committed(self, latency_s: float, now_s: float) -> None:
        if self.limit_s is None or latency_s <= self.limit_s:
            self._wait_s /= 2
            if self._wait_s < BACKOFF_FIRST_S:
                self._wait_s, self.reason = 0.0, ""
                return
        else:
            self._wait_s = min(max(self._wait_s * 2, BACKOFF_FIRST_S), BACKOFF_LAST_S)
            self.reason = f"a transaction took {latency_s * 1000:,.0f} ms to write, over {self.limit_s * 1000:,.0f} ms"
        self._until_s = now_s + self._wait_s

    def left_s(self, now_s: float) -> float:
        return max(0.0, self._until_s - now_s) if self._wait_s else 0.0


@dataclass(slots=True)
class LagLimit:
    """A consumer group that must not fall behind on our account."""

    group: str
    max_lag_records: int
    over: bool = False
    lag_records: int = 0

    def observe(self, lag_records: int) -> None:
        self.lag_records = lag_records
        self.over = lag_records > self.max_lag_records * (RECOVERED if self.over else 1.0)

    @property
    def reason(self) -> str:
        if not self.over:
            return ""
        return f"group {self.group} lags {self.lag_records:,} records, over {self.max_lag_records:,}"


@dataclass(slots=True)
class Throttle:
    """All limits of one worker. Times are seconds of any clock that never goes back."""

    paused: str = ""  # who asked for it; empty when nobody did
    lags: list[LagLimit] = field(default_factory=list)
    backoff: Backoff = field(default_factory=Backoff)
    rate: Rate = field(default_factory=Rate)  # this worker's part
    whole_rate: Rate = field(default_factory=Rate)  # what was asked for all of them
    _records: Bucket | None = None
    _bytes: Bucket | None = None
    _record_bytes: float = FIRST_RECORD_BYTES

    def set_rate(self, whole: Rate, share: float, now_s: float) -> None:
        """``share`` of the rate is this worker's, above 0."""
        self.whole_rate, rate = whole, whole.part(share)
        if rate == self.rate:
            return
        self.rate = rate
        self._records = _changed(self._records, rate.records_per_s, now_s)
        self._bytes = _changed(self._bytes, rate.bytes_per_s, now_s)

    def allow(self, now_s: float) -> Allowance:
        for bucket in (self._records, self._bytes):
            if bucket is not None:
                bucket.fill(now_s)
        if self.paused:
            return Allowance(0, hold=True, reason=self.paused, cause="pause")
        for lag in self.lags:
            if lag.over:
                return Allowance(0, hold=True, reason=lag.reason, cause="lag")
        waiting_s = self.backoff.left_s(now_s)
        if waiting_s:
            return Allowance(0, waiting_s, reason=self.backoff.reason, cause="latency")
        return self._by_rate()

    def took(self, records: int, size_bytes: int) -> None:
        """So much was read on the last allowance."""
        if records:
            self._record_bytes += SMOOTHING * (size_bytes / records - self._record_bytes)
        if self._records is not None:
            self._records.tokens -= records
        if self._bytes is not None:
            self._bytes.tokens -= size_bytes

    def _by_rate(self) -> Allowance:
        # Between its waits a worker that backs off reads a little: its checkpoints must say why it is slow then too.
        reason = self.backoff.reason or (f"limited to {self.whole_rate}" if self.whole_rate.limits else "")
        cause: Cause | None = "latency" if self.backoff.reason else "rate" if self.whole_rate.limits else None
        allowed: float | None = None
        wait_s = 0.0
        for bucket, unit in ((self._records, 1.0), (self._bytes, max(self._record_bytes, 1.0))):
            if bucket is None:
                continue
            wait_s = max(wait_s, bucket.wait_s(min(max(bucket.per_s * QUANTUM_S, unit), bucket.per_s * BURST_S)))
            records = max(bucket.tokens / unit, 1.0)
            allowed = records if allowed is None else min(allowed, records)
        if wait_s:
            return Allowance(0, wait_s, reason=reason, cause=cause)
        return Allowance(None if allowed is None else int(allowed), reason=reason, cause=cause)


def _changed(bucket: Bucket | None, per_s: float | None, now_s: float) -> Bucket | None:
    if per_s is None:
        return None
    if bucket is None:
        bucket = Bucket(per_s)
        bucket.fill(now_s)
        return bucket
    bucket.change(per_s, now_s)
    return bucket
