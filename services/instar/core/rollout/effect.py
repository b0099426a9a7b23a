"""What a rollout does to the world, as data: each effect says how it is undone.

An effect is run by an ``EffectRunner`` (instar.rollout.ports) and is idempotent: run twice it leaves what running it
once leaves. Before it is tried for the first time the runner takes a picture of what it is about to change, and the
picture is persisted; undoing restores the picture, so what was there before us stays there.

``FINAL`` effects cannot be undone. Once one is done, its transition can only be finished.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

from instar.core.provenance import Direction
from instar.core.rollout.phase import Side

Ends = Literal["B", "T"]
"""Which ends of the barrier: B of the topic that loses authority, T of the one that gets it (design section 10)."""


@dataclass(frozen=True, slots=True)
class CreateTopic:
    """A topic with the source's partition count and settings. One that is there is compared, never altered."""

    topic: str
    partitions: int
    settings: Mapping[str, str] = field(default_factory=dict)
    REVERSE: ClassVar[str] = "delete the topic, unless it was there before"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class HoldRetention:
    """Neither age nor size deletes anything: replayed records carry old timestamps (KIP-870)."""

    topic: str
    REVERSE: ClassVar[str] = "set the retention that was there before"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class ReleaseRetention:
    """Retention as planned for the time after the switch; ``settings`` are the planned ones."""

    topic: str
    settings: Mapping[str, str] = field(default_factory=dict)
    REVERSE: ClassVar[str] = "set the retention that was there before"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class RegisterSchema:
    """A version in the registry. The same schema registered again gets the id that it has."""

    subject: str
    version: int
    REVERSE: ClassVar[str] = "delete the version softly, unless it was there before: its id stays readable"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class CommitStart:
    """Start checkpoints of a direction's group, in each partition that has none; those that are there stay.

    ``at``: the first offset there is, or T, as this transition has recorded it or else the epoch record in force.
    """

    direction: Direction
    topic: str
    at: Literal["beginning", "T"]
    REVERSE: ClassVar[str] = "remove the offsets that were not there before"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class StartBridge:
    """Ask for a direction's workers to run, a pause lifted, and wait until one is seen: processes of others."""

    direction: Direction
    REVERSE: ClassVar[str] = "ask for what was asked before"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class StopBridge:
    """Ask for a direction's workers to stop, and wait until none is seen."""

    direction: Direction
    REVERSE: ClassVar[str] = "ask for what was asked before"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class PauseBridge:
    """Hold a direction's workers with their checkpoints saved; what somebody else paused stays paused."""

    direction: Direction
    why: str
    REVERSE: ClassVar[str] = "resume, unless it was paused before"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell people. A message that was sent twice for one step carries the same id twice.

    Nobody to be reached is done all the same, with that as evidence: a rollout does not wait for a webhook.
    """

    subject: str
    text: str
    REVERSE: ClassVar[str] = "nothing to undo"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class ConfirmReady:
    """The last look before producers are stopped: the verification is still fresh, gates and limits still agree.

    The coordinator does this itself: it has the gate keeper and the clock.
    """

    action: str
    waived: tuple[str, ...] = ()  # gate:NAME, limit:NAME
    REVERSE: ClassVar[str] = "nothing to undo"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class CloseEpoch:
    """The epoch record says ``closing``: managed producers finish their transactions and acknowledge ``epoch``.

    ``authority`` is the side that is to get authority. Nobody may write it yet.
    """

    epoch: int
    authority: Side
    REVERSE: ClassVar[str] = "write the epoch record that was there before, open"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class AwaitProducers:
    """Every producer of ``topic`` has acknowledged ``epoch``, or lost write permission, or is waived by name.

    Silent and unmanaged ones lose write permission where the cluster has authorisation.
    """

    epoch: int
    topic: str
    waived: tuple[str, ...] = ()
    REVERSE: ClassVar[str] = "give back the write permissions that were taken"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class RecordEnds:
    """The end offsets of every partition, read uncommitted. The evidence is ``{"offsets": {"0": 17, ...}}``."""

    name: Ends
    topic: str
    REVERSE: ClassVar[str] = "nothing to undo"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class DrainBridge:
    """The direction's checkpoints are at or past B in every partition; ``ends`` none: past the source's ends now."""

    direction: Direction
    topic: str
    ends: Literal["B", "now"] = "B"
    REVERSE: ClassVar[str] = "nothing to undo"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class WriteEpoch:
    """The one record {epoch, B, T}. It *is* the switch; what comes before it is undone, what comes after is finished.

    Written under the rollout's own transactional id, so that an older coordinator's record cannot come after it.
    """

    epoch: int
    authority: Side
    REVERSE: ClassVar[str] = "none: the next epoch gives authority back (rollback)"
    FINAL: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class GrantWrite:
    """Producers may write ``topic`` again, those whose permission an earlier barrier took."""

    topic: str
    REVERSE: ClassVar[str] = "take the permissions that were not there before"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class TranslateGroup:
    """An empty consumer group's offsets in the other topic, exactly translated, and the word to read there."""

    group: str
    to: Side
    REVERSE: ClassVar[str] = "translate it back, and the word to read where it was"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing moves until ``hold_s`` after the step before. The coordinator does this itself: it has the clock."""

    group: str
    hold_s: int
    REVERSE: ClassVar[str] = "nothing to undo"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class ArchiveTopic:
    """The whole topic in a file, verified against the log."""

    topic: str
    destination: str
    REVERSE: ClassVar[str] = "nothing to undo: an archive is kept"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class LockTopic:
    """Nobody writes the topic any more: by its settings, and where there is authorisation by its rules too."""

    topic: str
    REVERSE: ClassVar[str] = "restore the permissions and settings that were there before"
    FINAL: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class DeleteTopic:
    """The topic is gone. A topic of the same name with another id is not ours to delete: the picture has the id."""

    topic: str
    REVERSE: ClassVar[str] = "none: import the archive into a topic of the name"
    FINAL: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Undo:
    """Undo an effect of an earlier transition, from the picture that was taken before it and its own evidence."""

    of: "Effect"
    before: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    REVERSE: ClassVar[str] = "none: plan and apply again"
    FINAL: ClassVar[bool] = True


Effect = (
    CreateTopic
    | HoldRetention
    | ReleaseRetention
    | RegisterSchema
    | CommitStart
    | StartBridge
    | StopBridge
    | PauseBridge
    | Notify
    | ConfirmReady
    | CloseEpoch
    | AwaitProducers
    | RecordEnds
    | DrainBridge
    | WriteEpoch
    | GrantWrite
    | TranslateGroup
    | Hold
    | ArchiveTopic
    | LockTopic
    | DeleteTopic
    | Undo
)

EFFECTS: tuple[type[Effect], ...] = (
    CreateTopic,
    HoldRetention,
    ReleaseRetention,
    RegisterSchema,
    CommitStart,
    StartBridge,
    StopBridge,
    PauseBridge,
    Notify,
    ConfirmReady,
    CloseEpoch,
    AwaitProducers,
    RecordEnds,
    DrainBridge,
    WriteEpoch,
    GrantWrite,
    TranslateGroup,
    Hold,
    ArchiveTopic,
    LockTopic,
    DeleteTopic,
    Undo,
)
FINAL_EFFECTS: tuple[type[Effect], ...] = tuple(each for each in EFFECTS if each.FINAL)
OWN = (ConfirmReady, Hold)
"""What the coordinator does itself; a runner never sees these."""


def words(effect: Effect) -> str:
    """An effect in a line, for plans and the ledger: ``create topic (topic=orders.v3, partitions=3)``."""
    name = "".join(f" {char.lower()}" if char.isupper() else char for char in type(effect).__name__).strip()
    if isinstance(effect, Undo):
        return f"undo: {words(effect.of)}"
    said = ", ".join(
        f"{each.name}={value}"
        for each in fields(effect)
        if (value := getattr(effect, each.name)) not in ((), "") and not isinstance(value, Mapping)
    )
    return f"{name} ({said})" if said else name
