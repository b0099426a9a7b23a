"""A framing that remembers the identity it read last: for whoever counts versions, which must not read them twice."""

from instar.core.formats.framing import Framed, Framing, Identity, Write
from instar.core.record import Headers
from instar.core.rejected import Rejected


class Noting:
    """Reads and writes as ``framing`` does. ``noted`` is taken by ``take``, so that no record counts for the next."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._noted: Identity | None = None

    @property
    def kind(self) -> str:
        return self._framing.kind

    @property
    def needs_ids(self) -> bool:
        return self._framing.needs_ids

    def identify(self, value: bytes, headers: Headers) -> Framed | Rejected:
        framed = self._framing.identify(value, headers)
        self._noted = None if isinstance(framed, Rejected) else framed.identity
        return framed

    def writer(self, *, subject: str, version: int, schema_id: int | None) -> Write:
        return self._framing.writer(subject=subject, version=version, schema_id=schema_id)

    def unframed(self, headers: Headers) -> Headers:
        return self._framing.unframed(headers)

    def take(self) -> Identity | None:
        """What was read since the last call; None where nothing was, as of a tombstone."""
        noted, self._noted = self._noted, None
        return noted
