"""Telling the census which versions a worker reads; whatever goes wrong with that, the work does not notice."""

import time

from instar.core.bridge import Bridge
from instar.core.census_mix import MixCount
from instar.core.formats.framing import Identity
from instar.core.formats.framing.noting import Noting
from instar.core.record import Record
from instar.core.rejected import UNKNOWN_SCHEMA_ID, Rejected
from instar.kafka.summaries import SummaryProducer
from instar.processor.plan import BridgePlan, Telling

_UNNAMED = Rejected(UNKNOWN_SCHEMA_ID, "The record names no version of the migration's subjects.")


class Untold:
    """The census is not told: the settings do not ask for it."""

    def begin(self) -> None: ...

    def take(self, record: Record) -> None: ...

    def confirm(self) -> None: ...

    def roll_back(self) -> None: ...

    def tell_when_due(self) -> None: ...

    def close(self) -> None: ...


class Teller(Untold):
    """Counts for one worker, and publishes what is committed once in ``every_s`` at most."""

    def __init__(self, telling: Telling, plan: BridgePlan, noting: Noting) -> None:
        self._telling = telling
        self._noting = noting
        self._mix = MixCount(plan.source.name, telling.producer_header, telling.window_ms)
        self._producer = SummaryProducer(plan.kafka, telling.topic)
        self._next_s = time.monotonic() + telling.every_s

    def begin(self) -> None:
        """Before a batch."""
        self._mix.begin(time.time_ns() // 1_000_000)

    def take(self, record: Record) -> None:
        """A record that the bridge has just carried. An echo and a tombstone have no version of their own."""
        identity = self._noting.take()
        if identity is not None:
            self._mix.take(record, identity)

    def confirm(self) -> None:
        self._mix.confirm()

    def roll_back(self) -> None:
        self._mix.roll_back()

    def tell_when_due(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + self._telling.every_s
            self._tell()

    def close(self) -> None:
        """Tell the rest."""
        self._tell()
        self._producer.close()

    def _tell(self) -> None:
        messages = self._mix.drain(self._name_of)
        if messages:
            self._producer.send((message.key, message.encode()) for message in messages)

    def _name_of(self, identity: Identity) -> tuple[str, int] | Rejected:
        return self._telling.named.get(identity, _UNNAMED)


def teller_of(plan: BridgePlan, bridge: Bridge) -> Untold:
    """What tells the census of the records that the bridge carries."""
    return Untold() if plan.telling is None else Teller(plan.telling, plan, bridge.note_identities())
