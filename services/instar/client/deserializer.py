"""Bytes of any version to an object of the version asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from confluent_kafka import Message
from confluent_kafka.serialization import Deserializer, SerializationContext

from instar.client.errors import NOT_ONE, RecordRejected, RegistryAway
from instar.client.formats import Formats
from instar.client.models import Make, maker
from instar.client.newer import NewerRecord
from instar.client.setting_up import (
    FramingChoice,
    Framings,
    Types,
    Versions,
    framing_settings,
    root_of,
    sole,
    subject_names,
    type_for,
    version_for,
)
from instar.client.sunset import Sunset
from instar.client.unsaid import UnsaidContext
from instar.client.usage import FLUSH_EVERY_S, OnUse, Usage
from instar.client.versions import Versions as VersionsOfIds
from instar.core.formats.framing import Identity, Named
from instar.core.record import TIMESTAMP_NONE_MS, Context, Headers, Record
from instar.core.rejected import UNKNOWN_SUBJECT, UNKNOWN_VERSION, VERSION_ABOVE_TARGET, Rejected
from instar.core.subject import Subject
from instar.core.upcasting.program import Program
from instar.core.version import label

OnNewer = Literal["downcast", "raw", "raise"]


@dataclass(frozen=True, slots=True)
class _Route:
    """What is done with records of one identity. ``program`` is None for those that are handed on raw."""

    subject: Subject
    version: int
    handed: int
    program: Program | None
    make: Make


class InstarDeserializer(Deserializer):
    """Drops into ``DeserializingConsumer`` as ``value.deserializer``, and can be called with bytes and a context.

    Any version in, the one asked for out: as plain dict, or as what ``to`` names. A tombstone (None) stays None.

    - ``project``: the folder of an instar project; see ``from_pack`` for an installed pack.
    - ``subject``: one name, or several where a topic holds several.
    - ``version``: ``"v3"`` or ``"latest"``; by subject where they differ.
      A model with the class attributes ``instar_subject = "orders"`` and ``instar_version = "v3"`` says both.
    - ``to``: a pydantic model or a dataclass; by subject where there are several.
    - ``framing``: as in the settings; left out, each topic has what the project's migrations say, else the registry's
      prefix.
    - ``on_newer``: what happens to records above the version asked for. ``downcast`` takes them down the hops,
      ``raw`` yields a ``NewerRecord``, ``raise`` rejects them (``version-above-target``).
    - ``many``: always yield a list, for subjects with hops that make several records of one, or none.
    - ``on_use``: takes a ``CensusMessage`` every ``use_every_s`` seconds, in another thread; ``client``, ``group`` and
      ``owner`` say in it who this is.

    Raises ``SetupError`` when it is made, ``RecordRejected`` and ``RegistryAway`` when it is called. Thread-safe.
    Hops that look at a record's key, timestamp or position get them from ``read`` alone: confluent-kafka tells a
    deserializer the topic and the headers, and a hop that asks for more is rejected rather than given a guess.
    """

    def __init__(
        self,
        project: str | Path | None = None,
        *,
        subject: str | Iterable[str] | None = None,
        version: Versions | None = None,
        to: Types = None,
        environment: str | None = None,
        framing: FramingChoice | None = None,
        on_newer: OnNewer = "downcast",
        many: bool = False,
        on_use: OnUse | None = None,
        use_every_s: float = FLUSH_EVERY_S,
        client: str = "",
        group: str = "",
        owner: str = "",
        formats: Formats | None = None,
    ) -> None:
        names = subject_names(subject, to)
        if formats is None:
            formats = Formats.from_project(root_of(project or "."), names, environment)
        if on_newer not in ("downcast", "raw", "raise"):
            raise ValueError(f"on_newer is downcast, raw or raise, not {on_newer!r}")
        self._subjects = formats.subjects
        self._wanted: dict[str, tuple[int, Make]] = {}
        for name, family in formats.subjects.items():
            kind = type_for(to, name)
            number = version_for(version, kind, family)
            self._wanted[name] = number, maker(kind, family.versions[number])
        self._sole = sole(names)
        first = self._wanted[names[0]][0]
        self._framings = Framings(formats, framing_settings(framing), first, self._sole)
        self._versions = VersionsOfIds(formats)
        self._on_newer = on_newer
        self._many = many
        self._routes: dict[Identity, _Route] = {}
        self._sunset = Sunset("reads", formats.subjects, formats.notes)
        self._usage = (
            None
            if on_use is None
            else Usage("reads", on_use, client=client, group=group, owner=owner, every_s=use_every_s)
        )

    @classmethod
    def from_pack(
        cls,
        pack: str,
        *,
        subject: str | Iterable[str] | None = None,
        to: Types = None,
        environment: str | None = None,
        registry: Mapping[str, Any] | None = None,
        fingerprint: str | None = None,
        **more: Any,
    ) -> Self:
        """The formats of an installed pack (``instar pack``), whose files are verified first.

        ``registry`` are the registry client's settings (``{"url": ..., "strategy": "topic"}``), without it the ids are
        those of the folder itself. ``environment`` says whose ids of the pack's lock this registry's are, where it has
        several. ``fingerprint`` pins the pack. ``more`` is as for the class. Raises ``SetupError``.
        """
        names = subject_names(subject, to)
        formats = Formats.from_pack(pack, names, environment, registry, fingerprint)
        return cls(subject=names, to=to, formats=formats, **more)

    def __call__(self, value: bytes | None, ctx: SerializationContext | None = None) -> Any:
        """The object, or a list of them with ``many``; None for a tombstone. Raises as the class says."""
        if value is None:
            return None
        if ctx is None:
            return self._read(value, (), "", UnsaidContext())
        headers = _headers(ctx.headers)
        return self._read(value, headers, ctx.topic or "", UnsaidContext(headers=headers, topic=ctx.topic or ""))

    def read(self, message: Message) -> Any:
        """The same for a message of a plain ``Consumer``: hops see all of the record, errors name its place."""
        value = message.value()
        if value is None:
            return None
        headers = _headers(message.headers())
        kind, timestamp_ms = message.timestamp()
        topic, partition, offset = message.topic() or "", message.partition(), message.offset()
        context = Context(
            message.key(),
            headers,
            timestamp_ms if kind else TIMESTAMP_NONE_MS,
            topic,
            -1 if partition is None else partition,
            -1 if offset is None else offset,
        )
        return self._read(value, headers, topic, context)

    def read_record(self, record: Record) -> Any:
        """The same for a record of any other client."""
        topic, partition, offset, key, value, headers, timestamp_ms = record
        if value is None:
            return None
        return self._read(value, headers, topic, Context(key, headers, timestamp_ms, topic, partition, offset))

    def close(self) -> None:
        """Hand over the last summary and close the registry's client."""
        if self._usage is not None:
            self._usage.close()
        self._versions.close()

    # ------------------------------------------------------------------ one record

    def _read(self, value: bytes, headers: Headers, topic: str, context: Context) -> Any:
        made = self._made(value, headers, topic, context)
        if isinstance(made, Rejected):
            raise RecordRejected(made, topic=topic, **_position(context))
        return made

    def _made(self, value: bytes, headers: Headers, topic: str, context: Context) -> Any:
        framed = self._framings.of(topic).identify(value, headers)
        if isinstance(framed, Rejected):
            return framed
        route = self._routes.get(framed.identity)
        if route is None:
            opened = self._open(framed.identity, framed.body, topic, context)
            if not isinstance(opened, _Route):
                return opened
            route = self._routes[framed.identity] = opened
        program = route.program
        if program is None:
            return self._newer(route, framed.body)
        plain = program.decode(framed.body)
        if isinstance(plain, Rejected):
            return plain
        outputs = program.chain.fold_owned(plain, context)
        if isinstance(outputs, Rejected):
            return program.redacted(outputs, framed.body, context)
        if len(outputs) != 1 and not self._many:
            return _not_one(route, len(outputs))
        made = []
        for output in outputs:
            item = route.make(output)
            if isinstance(item, Rejected):
                return item.within(subject=route.subject.name, to_version=label(route.handed))
            made.append(item)
        self._count(route, topic)
        return made if self._many else made[0]

    def _newer(self, route: _Route, body: bytes) -> Any:
        plain = route.subject.versions[route.version].decode(body)
        if isinstance(plain, Rejected):
            return plain.within(subject=route.subject.name, from_version=label(route.version))
        record = NewerRecord(route.subject.name, label(route.version), body, plain)
        return [record] if self._many else record

    def _count(self, route: _Route, topic: str) -> None:
        self._sunset.met(route.subject.name, route.handed, topic)
        if self._usage is not None:
            self._usage.count(topic, route.subject.name, route.handed, route.version)

    # ------------------------------------------------------------------ the first record of an identity

    def _open(self, identity: Identity, body: bytes, topic: str, context: Context) -> Any:
        """The route, or the one record's rejection or value where no route can be kept."""
        named = self._named(identity, topic, context)
        if isinstance(named, Rejected):
            return named
        name, version = named
        subject = self._subjects.get(name)
        if subject is None:
            return Rejected(
                UNKNOWN_SUBJECT, f"The record is {name}; asked for are {', '.join(sorted(self._subjects))}."
            )
        wanted, make = self._wanted[name]
        if version not in subject.versions:
            return self._beyond(subject, version, body)
        if version > wanted and self._on_newer == "raise":
            return Rejected(
                VERSION_ABOVE_TARGET,
                f"The record is newer than {label(wanted)}, which is asked for.",
                name,
                from_version=label(version),
                to_version=label(wanted),
            )
        if version > wanted and self._on_newer == "raw":
            return _Route(subject, version, wanted, None, make)
        program = subject.program(version, wanted)
        return program if isinstance(program, Rejected) else _Route(subject, version, wanted, program, make)

    def _named(self, identity: Identity, topic: str, context: Context) -> tuple[str, int] | Rejected:
        if isinstance(identity, Named):
            name = identity.subject or self._sole
            if name is None:
                known = ", ".join(sorted(self._subjects))
                return Rejected(UNKNOWN_SUBJECT, f"The record does not name its subject; asked for are {known}.")
            return name, identity.version
        try:
            return self._versions.version_of(identity)
        except RegistryAway as away:
            raise RegistryAway(
                str(away),
                code=away.code,
                remedy=away.remedy,
                retry_after_s=away.retry_after_s,
                topic=topic,
                **_position(context),
            ) from away.__cause__

    def _beyond(self, subject: Subject, version: int, body: bytes) -> Any:
        """A version that the formats at hand do not have: only ``raw`` can pass on one that is newer."""
        if version > subject.latest and self._on_newer == "raw":
            record = NewerRecord(subject.name, label(version), body)
            return [record] if self._many else record
        has = ", ".join(label(each) for each in sorted(subject.versions))
        return Rejected(
            UNKNOWN_VERSION,
            f"The formats at hand have {has}. Is there a newer state of the project, or of its pack?",
            subject.name,
            from_version=label(version),
        )


def _not_one(route: _Route, count: int) -> Rejected:
    return Rejected(
        NOT_ONE,
        f"The hops make {count} records of it. Say many=True, and take lists.",
        route.subject.name,
        from_version=label(route.version),
        to_version=label(route.handed),
    )


def _position(context: Context) -> dict[str, int | None]:
    if isinstance(context, UnsaidContext) or context.partition < 0:
        return {"partition": None, "offset": None}
    return {"partition": context.partition, "offset": context.offset}


def _headers(given: Any) -> Headers:
    """confluent-kafka's headers: a list of pairs or a dict, values text or bytes, or nothing at all."""
    if not given:
        return ()
    pairs = given.items() if isinstance(given, Mapping) else given
    return tuple((name, each.encode() if isinstance(each, str) else each) for name, each in pairs)
