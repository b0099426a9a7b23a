"""How many records to poll at once: as many as can be transformed within a second and held within the byte limit.

A batch is transformed between two polls and inside one transaction, and both have a time limit at the broker
(``max.poll.interval.ms``, ``transaction.timeout.ms``). A slow hop or large records must therefore make batches small.
"""

FIRST_RECORDS = 200
BATCH_S = 1.0
GROWTH = 4.0


class Pace:
    """Starts small and follows what it is told. ``limit_records`` and ``limit_bytes`` bound a batch."""

    def __init__(self, limit_records: int, limit_bytes: int) -> None:
        self._limit_records = limit_records
        self._limit_bytes = limit_bytes
        self.batch_records = min(FIRST_RECORDS, limit_records)

    def observe(self, records: int, size_bytes: int, seconds: float) -> None:
        """A batch of so many records and bytes took so long to transform."""
        if records == 0:
            return
        by_time = records * BATCH_S / max(seconds, 1e-9)
        by_size = records * self._limit_bytes / max(size_bytes, 1)
        grown = self.batch_records * GROWTH
        self.batch_records = max(1, int(min(by_time, by_size, grown, self._limit_records)))
