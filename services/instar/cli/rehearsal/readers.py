"""The readers of a rehearsal: consumer groups that go where the rollout sends them, and count what they saw."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from instar.cli.rehearsal.load import HEADER
from instar.cli.rehearsal.scratch import Scratch
from instar.client.managed_consumer import ManagedConsumer

_POLL_S = 0.2


@dataclass
class Reader:
    """One group with one member. ``seen`` counts the load's records by their number."""

    there: Scratch
    group: str
    seen: Counter[int] = field(default_factory=Counter)
    others: int = 0
    trouble: str = ""

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.group, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()

    def missing(self, sent: int) -> int:
        return sum(1 for number in range(sent) if not self.seen[number])

    def unseen(self, sent: int) -> str:
        """What is missing, in a few words."""
        numbers = [number for number in range(sent) if not self.seen[number]]
        first = ", ".join(map(str, numbers[:5]))
        state = "" if self._thread.is_alive() else ", and it has ended"
        trouble = f", last trouble: {self.trouble}" if self.trouble else ""
        return f"{self.group} has not seen {len(numbers):,} of {sent:,} ({first}){state}{trouble}"

    def result(self, sent: int) -> Mapping[str, int | str]:
        doubled = sum(1 for count in self.seen.values() if count > 1)
        return {"group": self.group, "read": len(self.seen), "lost": self.missing(sent), "doubled": doubled}

    def _run(self) -> None:
        settings = {
            **self.there.kafka,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.auto.commit": True,
        }
        migration = self.there.migration
        with ManagedConsumer(
            settings,
            self.there.name,
            group=self.group,
            old=migration.source.topic,
            new=migration.target.topic,
        ) as consumer:
            while not self._stop.is_set():
                message = consumer.poll(_POLL_S)
                if message is None:
                    continue
                error = message.error()
                if error is not None:
                    self.trouble = str(error)
                    continue
                headers = message.headers()
                number = dict(headers if isinstance(headers, list) else ()).get(HEADER)
                if number is None:
                    self.others += 1
                else:
                    self.seen[int(number)] += 1
