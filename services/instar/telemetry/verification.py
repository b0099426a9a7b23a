"""What the last comparison of a direction came to, as metrics."""

from collections.abc import Mapping

from opentelemetry.util.types import Attributes

from instar.core.provenance import Direction
from instar.telemetry import names
from instar.telemetry.instruments import Instruments


class Verified:
    def __init__(self, instruments: Instruments, migration: str, direction: Direction, mode: str) -> None:
        self._attributes = {names.MIGRATION: migration, names.DIRECTION: direction, names.MODE: mode}
        self._coverage: float | None = None
        self._records = 0
        self._faults: Mapping[str, int] = {}
        instruments.show(names.VERIFIED_COVERAGE, self._show_coverage)
        instruments.show(names.VERIFIED_RECORDS, self._show_records)
        instruments.show(names.VERIFIED_FAULTS, self._show_faults)

    def take(self, coverage: float, records: int, faults: Mapping[str, int]) -> None:
        """``coverage`` is 0 to 1. ``faults`` are by kind, and 0 where there are none of a kind."""
        self._coverage, self._records, self._faults = coverage, records, dict(faults)

    def _show_coverage(self) -> list[tuple[float, Attributes]]:
        return [] if self._coverage is None else [(self._coverage, self._attributes)]

    def _show_records(self) -> list[tuple[float, Attributes]]:
        return [] if self._coverage is None else [(self._records, self._attributes)]

    def _show_faults(self) -> list[tuple[float, Attributes]]:
        return [(number, self._attributes | {names.FAULT: kind}) for kind, number in self._faults.items()]
