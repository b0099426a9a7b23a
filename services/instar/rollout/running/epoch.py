"""The epoch record: closed at the barrier's beginning, written at its end. The second write *is* the switch."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from instar.clock import now_ms
from instar.core.provenance import Direction
from instar.core.rollout import effect as do
from instar.core.rollout.control_messages import EpochMessage, read, value_of
from instar.core.rollout.effect import Effect
from instar.core.rollout.phase import Side
from instar.kafka.errors import Refused
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.control import RolloutControl
from instar.rollout.running.reversible import Reversible

CARRIER: Mapping[Side, Direction] = {"new": "up", "old": "down"}
"""Which bridge carries what is left towards the side that gets authority."""
_EPOCH = "epoch"


class CloseEpochHandler(Reversible):
    """``CloseEpoch``. The picture is the record that was there before, as text."""

    def __init__(self, control: RolloutControl) -> None:
        self._control = control

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:
        """Raises ``Refused`` where the record is closing already: then there is nothing to go back to."""
        assert isinstance(effect, do.CloseEpoch)  # noqa: S101 - the runner dispatches by type
        there = self._control.epoch(context.migration)
        if there.state == "closing":
            raise Refused(
                f"Epoch {there.epoch} of {context.migration} is closing already, and its coordinator's state has no "
                "barrier in progress: was the state database set back?",
                "Restore the newest state database and finish or revert that barrier first.",
            )
        return {_EPOCH: value_of(there).decode()}

    def run(self, effect: Effect, context: Context) -> Outcome:
        assert isinstance(effect, do.CloseEpoch)  # noqa: S101
        there = self._control.take(context).said.epoch
        windows = () if there is None else there.windows
        closing = EpochMessage(effect.epoch, effect.authority, "closing", context.token, now_ms(), windows=windows)
        if there is not None:
            if there.epoch > effect.epoch or (there.epoch == effect.epoch and there.state == "open"):
                return _overtaken(there, effect.epoch, context)
            if (there.epoch, there.authority, there.state) == (effect.epoch, effect.authority, "closing"):
                return Outcome("done", {"epoch": effect.epoch, "at_ms": there.at_ms})
        self._control.write(context, [closing])
        return Outcome("done", {"epoch": effect.epoch, "at_ms": closing.at_ms})

    def revert(self, effect: Effect, context: Context) -> Outcome:
        """The record of before, open: its producers go on where they were."""
        assert isinstance(effect, do.CloseEpoch)  # noqa: S101
        earlier = read(_EPOCH, str(context.before[_EPOCH]).encode())
        if not isinstance(earlier, EpochMessage):
            return Outcome("failed", message=f"the picture of the epoch record is damaged: {context.before[_EPOCH]}")
        there = self._control.take(context).said.epoch
        if there is not None and there.state == "open":
            if there.epoch >= effect.epoch:
                return _overtaken(there, effect.epoch, context)
            if (there.epoch, there.authority) == (earlier.epoch, earlier.authority):
                return Outcome("done", {"epoch": there.epoch})
        self._control.write(context, [replace(earlier, token=context.token)])
        return Outcome("done", {"epoch": earlier.epoch})


class WriteEpochHandler(Reversible):
    """``WriteEpoch``: {epoch, B, T}, under the rollout's transactional id."""

    def __init__(self, control: RolloutControl) -> None:
        self._control = control

    def run(self, effect: Effect, context: Context) -> Outcome:
        assert isinstance(effect, do.WriteEpoch)  # noqa: S101
        missing = [name for name in ("B", "T") if not context.offsets.get(name)]
        if missing:
            return Outcome("failed", message=f"no ends {' and '.join(missing)} were recorded in this barrier")
        there = self._control.take(context).said.epoch
        if there is not None and _is_written(there, effect):
            return _evidence(there)
        if there is None or (there.epoch, there.authority) != (effect.epoch, effect.authority):
            found = (
                "nothing" if there is None else f"epoch {there.epoch}, {there.state}, for the {there.authority} topic"
            )
            return Outcome(
                "failed",
                message=f"the epoch record is not the one that this barrier closed (epoch {effect.epoch}, for the "
                f"{effect.authority} topic) but: {found}",
            )
        left, begins = dict(context.offsets["B"]), dict(context.offsets["T"])
        windows = there.windows_after(effect.authority, left, begins)
        begun = EpochMessage(effect.epoch, effect.authority, "open", context.token, now_ms(), left, begins, windows)
        self._control.write(context, [begun])
        return _evidence(begun)

    def revert(self, effect: Effect, context: Context) -> Outcome:  # noqa: ARG002
        raise TypeError(f"{effect} is final")

    def happened(self, effect: Effect, context: Context) -> bool | None:
        """Initialised anew first: what was in flight is in the topic now, or never will be."""
        assert isinstance(effect, do.WriteEpoch)  # noqa: S101
        there = self._control.take_anew(context).said.epoch
        return there is not None and _is_written(there, effect)


def _is_written(there: EpochMessage, effect: do.WriteEpoch) -> bool:
    return there.state == "open" and (there.epoch, there.authority) == (effect.epoch, effect.authority)


def _evidence(record: EpochMessage) -> Outcome:
    ends = {
        name: {str(partition): offset for partition, offset in offsets.items()}
        for name, offsets in (("B", record.left), ("T", record.begun))
    }
    return Outcome("done", {"epoch": record.epoch, "authority": record.authority, "at_ms": record.at_ms, **ends})


def _overtaken(there: EpochMessage, epoch: int, context: Context) -> Outcome:
    return Outcome(
        "failed",
        message=f"epoch {there.epoch} of {context.migration} is {there.state} already, so epoch {epoch} cannot close",
        remedy="`instar status` shows where it stands; the control topic and the state database do not agree.",
    )
