"""An object of one version to framed bytes of the version that is written."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from confluent_kafka.serialization import SerializationContext, Serializer

from instar.client.errors import NOT_ONE, RecordRejected, RegistryAway
from instar.client.formats import Formats
from instar.client.models import Take, invalid, names_version, taker
from instar.client.setting_up import FramingChoice, Framings, framing_settings, root_of, subject_names, version_for
from instar.client.sunset import Sunset
from instar.client.unsaid import UnsaidContext
from instar.client.usage import FLUSH_EVERY_S, OnUse, Usage
from instar.client.versions import Versions
from instar.core.formats.framing import Write
from instar.core.record import Headers
from instar.core.rejected import CANNOT_FRAME, Rejected
from instar.core.upcasting.chain import Chain
from instar.core.version import label


class InstarSerializer(Serializer):
    """Drops into ``SerializingProducer`` as ``value.serializer``, and can be called with an object and a context.

    Objects are dicts, pydantic models or dataclasses; each is validated under the schema before anything is written.
    None stays None: a tombstone.

    - ``project``, ``environment``, ``framing``, ``on_use``, ``client``, ``owner``: as for the deserializer.
    - ``subject``: its name; may be left out where ``model`` says it.
    - ``version``: the version that is written, ``"v3"`` or ``"latest"``.
    - ``given``: the version of the objects, where it is another one: they go through the hops first.
    - ``model``: a model that says subject and version of the objects (``instar_subject``, ``instar_version``).
    - ``register``: register the schema where the registry has none; else that is ``no-schema-id``.

    Framings that live in a header need a list or a dict in the context: ``produce(..., headers=[])``. Raises
    ``SetupError`` when it is made, ``RecordRejected`` and ``RegistryAway`` when it is called. Thread-safe.
    """

    __slots__ = ("__dict__",)

    def __init__(
        self,
        project: str | Path | None = None,
        *,
        subject: str | None = None,
        version: str | None = None,
        given: str | None = None,
        model: Any = None,
        environment: str | None = None,
        framing: FramingChoice | None = None,
        register: bool = False,
        on_use: OnUse | None = None,
        use_every_s: float = FLUSH_EVERY_S,
        client: str = "",
        owner: str = "",
        formats: Formats | None = None,
    ) -> None:
        (name,) = subject_names(subject, model)
        if formats is None:
            formats = Formats.from_project(root_of(project or "."), (name,), environment)
        self._subject = family = formats.subjects[name]
        named = model if names_version(model) else None
        if given is None and named is not None:
            given = named.instar_version
        self._version = version_for(version or given, None, family)
        start = self._version if given is None else version_for(given, named, family)
        way = family.chain(start, self._version)
        if isinstance(way, Rejected):
            raise RecordRejected(way)
        self._chain: Chain = way
        self._take: Take = taker(family.versions[start])
        self._framings = Framings(formats, framing_settings(framing), self._version, name)
        self._versions = Versions(formats)
        self._register = register
        self._writers: dict[str, Write] = {}
        self._sunset = Sunset("writes", formats.subjects, formats.notes)
        self._usage = (
            None
            if on_use is None
            else Usage("writes", on_use, client=client, group="", owner=owner, every_s=use_every_s)
        )

    @classmethod
    def from_pack(
        cls,
        pack: str,
        *,
        subject: str | None = None,
        model: Any = None,
        environment: str | None = None,
        registry: Mapping[str, Any] | None = None,
        fingerprint: str | None = None,
        **more: Any,
    ) -> Self:
        """The formats of an installed pack; see ``InstarDeserializer.from_pack``."""
        names: Iterable[str] = subject_names(subject, model)
        formats = Formats.from_pack(pack, names, environment, registry, fingerprint)
        return cls(subject=subject, model=model, formats=formats, **more)

    def __call__(self, obj: Any, ctx: SerializationContext | None = None) -> bytes | None:
        """The framed value; headers of the framing are added to the context's. Raises as the class says."""
        if obj is None:
            return None
        topic = "" if ctx is None else ctx.topic or ""
        made = self._made(obj, ctx, topic)
        if isinstance(made, Rejected):
            raise RecordRejected(made.within(subject=self._subject.name, to_version=label(self._version)), topic=topic)
        self._sunset.met(self._subject.name, self._version, topic)
        if self._usage is not None:
            self._usage.count(topic, self._subject.name, self._version, self._version)
        return made

    def close(self) -> None:
        """Hand over the last summary and close the registry's client."""
        if self._usage is not None:
            self._usage.close()
        self._versions.close()

    def _made(self, item: Any, ctx: SerializationContext | None, topic: str) -> bytes | Rejected:
        value = self._take(item)
        if isinstance(value, Rejected):
            return invalid(value)
        chain = self._chain
        if chain.links:
            # Not fold_owned: a dict belongs to the application.
            outputs = chain.fold(value, UnsaidContext(topic=topic))
            if isinstance(outputs, Rejected):
                return outputs
            if len(outputs) != 1:
                return Rejected(NOT_ONE, f"The hops make {len(outputs)} records of it, and one call writes one.")
            value = outputs[0]
        body = chain.after.encode(value)
        if isinstance(body, Rejected):
            return body
        write = self._writers.get(topic) or self._open(topic)
        framed = write(body)
        if isinstance(framed, Rejected):
            return framed
        data, added = framed
        return _add(ctx, added) or data

    def _open(self, topic: str) -> Write:
        framing = self._framings.of(topic)
        name, number = self._subject.name, None
        if framing.needs_ids:
            try:
                number = self._versions.id_for(name, self._version, topic, register=self._register)
            except RegistryAway as away:
                raise RegistryAway(
                    str(away), code=away.code, remedy=away.remedy, retry_after_s=away.retry_after_s, topic=topic
                ) from away.__cause__
        write = self._writers[topic] = framing.writer(subject=name, version=self._version, schema_id=number)
        return write


def _add(ctx: SerializationContext | None, added: Headers) -> Rejected | None:
    """Put the framing's headers where the producer sends them from, instead of older ones of the same name."""
    if not added:
        return None
    given = None if ctx is None else ctx.headers
    if isinstance(given, dict):
        given.update(added)
    elif isinstance(given, list):
        names = {name for name, _ in added}
        given[:] = [*(each for each in given if each[0] not in names), *added]
    else:
        return Rejected(
            CANNOT_FRAME,
            f"The framing puts {added[0][0]!r} into a header, and the record has no list or dict of headers to add it "
            "to. Give produce() headers=[].",
        )
    return None
