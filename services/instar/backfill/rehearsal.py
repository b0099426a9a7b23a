"""A dry run: read what a run would read, transform it, publish nothing."""

import time
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any

from instar.core.bridge import Bridge
from instar.core.forecast import Forecast
from instar.core.provenance import Stamp
from instar.core.record import Record
from instar.core.throttle import Rate, Throttle
from instar.kafka.errors import AmbiguousOutcome, Unreachable
from instar.kafka.scan import scan

_LONGEST_WAIT_S = 0.5


def rehearse(
    bridge: Bridge,
    topic: str,
    topic_id: bytes,
    kafka: Mapping[str, Any],
    starts: Mapping[int, int],
    bounds: Mapping[int, int],
    *,
    version_of: Callable[[Record], str],
    rate: Rate,
    stop: Event,
    limit_records: int | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Forecast:
    """What the records from ``starts`` to ``bounds`` would become.

    ``limit_records`` is how many offsets to look at, in each partition. Raises ``KafkaTrouble``.
    """
    if limit_records is not None:
        bounds = {partition: min(bound, starts[partition] + limit_records) for partition, bound in bounds.items()}
    forecast = Forecast()
    stamps = {partition: Stamp(bridge.migration, bridge.direction, topic_id, partition) for partition in starts}
    began_s: float | None = None  # when the first record came: connecting tells nothing about the speed
    waited_s = 0.0
    throttle = Throttle()
    throttle.set_rate(rate, 1.0, time.monotonic())
    try:
        for record in scan(kafka, topic, starts, bounds):
            began_s = began_s or time.monotonic()
            waited_s += _wait(throttle, stop) if rate.limits else 0.0
            if stop.is_set():
                break
            forecast.take(record, version_of(record), bridge.carry(record, stamps[record.partition]))
            throttle.took(1, len(record.key or b"") + len(record.value or b""))
            if forecast.counts.read % 1_000 == 0:
                bridge.forget_rejected_routes()
                on_progress(forecast.counts.read)
    except AmbiguousOutcome as reason:
        raise Unreachable(f"The dry run stopped: {reason}.", "Start it again when the registry answers.") from reason
    forecast.seconds = time.monotonic() - began_s - waited_s if began_s else 0.0
    return forecast


def _wait(throttle: Throttle, stop: Event) -> float:
    """Wait for the next record's turn; how long."""
    began_s = time.monotonic()
    while not stop.is_set():
        allowance = throttle.allow(time.monotonic())
        if allowance.records != 0:
            break
        stop.wait(min(allowance.wait_s, _LONGEST_WAIT_S))
    return time.monotonic() - began_s
