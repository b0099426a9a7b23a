"""What deciding answers: a new state with what is to be done, or a refusal that says what to do."""

from dataclasses import dataclass

from instar.core.rollout.effect import Effect
from instar.core.rollout.state import Rollout


@dataclass(frozen=True, slots=True)
class Decided:
    """``note`` says in a sentence what was decided."""

    state: Rollout
    note: str

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What is still to run, in order."""
        return self.state.effects


@dataclass(frozen=True, slots=True)
class Refused:
    """``code`` is stable, ``evidence`` is what stands against it, one line each."""

    code: str
    message: str
    remedy: str
    evidence: tuple[str, ...] = ()
