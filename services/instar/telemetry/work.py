"""What is carried, as spans and metrics name it."""

from dataclasses import dataclass
from typing import Any

from instar.core.provenance import Direction
from instar.telemetry import names


@dataclass(frozen=True, slots=True)
class Work:
    """One direction of a migration. ``operation`` is what is done with a record.

    ``dead_letters`` takes what is rejected; None where a rejected record is written nowhere. ``replay``: the records
    are history, carried by a backfill.
    """

    migration: str
    direction: Direction
    source: str
    group: str
    dead_letters: str | None
    operation: str = names.PROCESS
    replay: bool = False
    redrive: bool = False

    @property
    def attributes(self) -> dict[str, Any]:
        """Of every metric."""
        return {names.MIGRATION: self.migration, names.DIRECTION: self.direction}

    @property
    def consuming(self) -> dict[str, Any]:
        """Of everything that reads the source."""
        return {
            names.MESSAGING_SYSTEM: names.SYSTEM,
            names.MESSAGING_DESTINATION_NAME: self.source,
            names.MESSAGING_CONSUMER_GROUP_NAME: self.group,
            **self.attributes,
        }

    @property
    def marks(self) -> dict[str, Any]:
        """Of spans: how the records come to be carried."""
        marks = {names.REPLAY: self.replay, names.REDRIVE: self.redrive}
        return {name: True for name, marked in marks.items() if marked}
