"""Wiring: the translation of groups is what a rollout's runner moves them with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instar.core.rollout.phase import Side
from instar.project.migration import Migration
from instar.rollout.ports import Outcome
from instar.translation.group import BridgeBehind, execute, plan


@dataclass(frozen=True, slots=True)
class GroupTranslator:
    """A ``Translator`` of ``instar.rollout.running.groups`` over the migrations of a project."""

    migrations: Mapping[str, Migration]
    kafka: Mapping[str, Any]

    def __call__(self, migration: str, group: str, to: Side, switched: Mapping[int, int] | None) -> Outcome:
        """Translate and set. The evidence has, by partition, where the group stood and where it stands.

        Raises ``Refused`` where there is no exact position, and other ``KafkaTrouble``.
        """
        try:
            made = plan(self.migrations[migration], migration, group, to, self.kafka, switched=switched)
        except BridgeBehind as behind:
            return Outcome("waiting", message=str(behind), remedy=behind.remedy)
        execute(made, self.kafka)
        offsets = {
            str(move.partition): {
                "before": move.before,
                "after": None if move.translation is None else move.translation.offset,
                "repeats": None if move.translation is None else move.translation.repeats,
            }
            for move in made.moves
        }
        return Outcome("done", {"from": made.here.name, "to": made.there.name, "offsets": offsets})
