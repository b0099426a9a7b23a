"""One migration of the settings: which topic's records go where, in which version, and under which rules."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from instar.core.formats.framing import Framing
from instar.core.formats.framing.payload_field import PayloadField
from instar.core.formats.framing.registry_header import RegistryHeader
from instar.core.formats.framing.registry_prefix import RegistryPrefix
from instar.core.formats.framing.unframed import Unframed
from instar.core.formats.framing.version_header import DEFAULT_HEADER, VersionHeader
from instar.project.gate import Gates
from instar.project.limits import Limits
from instar.project.model import Names, Strict, TopicName, Version, wrong
from instar.project.rollout import Rollout

FramingKind = Literal["registry-prefix", "registry-header", "version-header", "payload-field", "none"]

_KEYS_OF_KIND: dict[str, frozenset[str]] = {
    "registry-prefix": frozenset(),
    "registry-header": frozenset({"header"}),
    "version-header": frozenset({"header", "subject_header", "default"}),
    "payload-field": frozenset({"field", "subject_field", "notation", "default"}),
    "none": frozenset(),
}


class FramingSettings(Strict):
    """How bytes carry their version: ``"registry-prefix"``, or a table such as
    ``{ kind = "payload-field", field = "schema_version", default = "v1" }``."""

    kind: FramingKind
    header: str | None = None
    subject_header: str | None = None
    field: str | None = None
    subject_field: str | None = None
    notation: Literal["number", "label"] | None = None
    default: Version | None = None  # of records that are older than the header or the field

    @model_validator(mode="after")
    def _keys_fit_kind(self) -> Self:
        allowed = _KEYS_OF_KIND[self.kind]
        for key in sorted(self.model_fields_set - {"kind"} - allowed):
            fitting = ", ".join(f"`{name}`" for name in sorted(allowed)) or "no other key"
            raise wrong(f"`{key}` does nothing with the framing {self.kind}", f"remove it; {self.kind} has {fitting}")
        if self.kind == "payload-field" and not self.field:
            raise wrong("the framing payload-field needs the name of the field", 'add field = "schema_version"')
        return self

    def build(self, *, version: int | None = None, subject: str | None = None) -> Framing:
        """The framing itself. ``version`` and ``subject`` are what framing ``none`` takes every record for.

        ValueError when the framing is ``none`` and no version is given; cross-checks of the settings exclude it.
        """
        match self.kind:
            case "registry-prefix":
                return RegistryPrefix()
            case "registry-header":
                return RegistryHeader(self.header) if self.header else RegistryHeader()
            case "version-header":
                header = self.header or DEFAULT_HEADER
                return VersionHeader(header, subject_header=self.subject_header, default=self.default)
            case "payload-field":
                return PayloadField(
                    field=self.field or "",
                    default=self.default,
                    subject_field=self.subject_field,
                    notation=self.notation or "number",
                )
            case "none":
                if version is None:
                    raise ValueError("the framing none needs the version that every record has")
                return Unframed(version=version, subject=subject)


def _framing(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


FramingValue = Annotated[FramingSettings, BeforeValidator(_framing)]


class Source(Strict):
    """``version`` is the version of every record where the framing is ``none``."""

    topic: TopicName
    framing: FramingValue = FramingSettings(kind="registry-prefix")
    version: Version | None = None


class Target(Strict):
    """``framing`` is the source's where it is not given."""

    topic: TopicName
    version: Version
    framing: FramingValue | None = None


class Reverse(Strict):
    """The bridge back. It writes the source topic, in the source's framing, at ``version``."""

    version: Version
    carry_lost: bool = False


class HeaderRules(Strict):
    """``deny`` names headers that are not carried to the target (a trailing ``*`` matches any ending)."""

    deny: Names = ()


class Batch(Strict):
    """How much goes into one transaction. Small transactions are slow, large ones are repeated whole on an abort."""

    max_records: int = Field(default=5000, ge=1, le=100_000)
    max_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, le=512 * 1024 * 1024)
    max_wait_ms: int = Field(default=500, ge=1, le=10_000)


class Migration(Strict):
    subjects: Names = Field(min_length=1)
    source: Source
    target: Target
    reverse: Reverse | None = None
    producers: Literal["old", "both", "new"] = "old"
    mode: Literal["ordered", "live-first", "segregated"] = "ordered"
    on_error: Literal["dead-letter", "stop"] = "dead-letter"
    dead_letters: TopicName | None = None
    headers: HeaderRules = HeaderRules()
    batch: Batch = Batch()
    gates: Gates = ()
    limits: Limits = Limits()
    rollout: Rollout = Rollout()

    @property
    def in_place(self) -> bool:
        """Are the records rewritten in their own topic?"""
        return self.source.topic == self.target.topic

    @property
    def history_topic(self) -> str | None:
        """Where history goes, where it is kept apart from what comes since."""
        return f"{self.target.topic}.history" if self.mode == "segregated" else None

    @property
    def dead_letter_topic(self) -> str:
        return self.dead_letters or f"{self.target.topic}.dlq"

    @property
    def target_framing(self) -> FramingSettings:
        return self.target.framing or self.source.framing

    @property
    def sole_subject(self) -> str | None:
        """The subject of every record where there is only one, which a framing then need not carry."""
        return self.subjects[0] if len(self.subjects) == 1 else None
