"""A program: a chain between two schemas, bytes in and bytes out.

This is the reference executor: decode, fold, encode. It is the judge of every other one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from instar.core.record import Context
from instar.core.rejected import Rejected
from instar.core.upcasting.chain import Chain, Link
from instar.core.upcasting.pattern import Pattern, redacted
from instar.core.version import label

Tell = Callable[[Link], None]
"""Told of a hop when it has run, whether it took the record or not; once for each part of a fan-out."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a worker runs for one pair of versions. All look-ups happened when it was made.

    ``sensitive`` are field patterns whose values are taken out of the text of a rejection: a hop's exception and a
    conversion quote what they were given.
    """

    chain: Chain
    sensitive: tuple[Pattern, ...] = ()

    @property
    def subject(self) -> str:
        return self.chain.subject

    @property
    def from_version(self) -> int:
        return self.chain.from_version

    @property
    def to_version(self) -> int:
        return self.chain.to_version

    def telling(self, tell: Tell) -> Self:
        """The same program, which tells of each hop that it has run."""
        return replace(self, chain=replace(self.chain, links=tuple(_told(link, tell) for link in self.chain.links)))

    def run(self, data: bytes, context: Context) -> list[bytes] | Rejected:
        """One record's value without its framing, to the values it becomes.

        At the target version already, the bytes are checked and passed on unchanged.
        """
        value = self.decode(data)
        if isinstance(value, Rejected):
            return value
        if not self.chain.links:
            return [data]
        outputs = self.chain.fold_owned(value, context)
        if isinstance(outputs, Rejected):
            return self.redacted(outputs, data, context)
        return self.encode_all(outputs)

    def redacted(self, rejected: Rejected, data: bytes, context: Context) -> Rejected:
        """The rejection without sensitive values of any version on the way, which is gone once more for that: the fold
        has consumed the first decoding of the data."""
        if not self.sensitive:
            return rejected
        message = rejected.message
        for stage in self.chain.trace(self.chain.before.decode(data), context):
            for record in stage.records:
                message = redacted(message, record.value, self.sensitive)
        return replace(rejected, message=message)

    def decode(self, data: bytes) -> Any | Rejected:
        """The value that the bytes are at the program's first version."""
        value = self.chain.before.decode(data)
        if isinstance(value, Rejected):
            return value.within(subject=self.subject, from_version=label(self.from_version))
        return value

    def encode_all(self, values: list[Any]) -> list[bytes] | Rejected:
        """Valid values of the program's last version to bytes."""
        outputs: list[bytes] = []
        for value in values:
            data = self.chain.after.encode(value)
            if isinstance(data, Rejected):
                return data.within(
                    subject=self.subject, from_version=label(self.from_version), to_version=label(self.to_version)
                )
            outputs.append(data)
        return outputs


def _told(link: Link, tell: Tell) -> Link:
    def run(value: Any, context: Context) -> list[Any] | Rejected:
        outputs = link.run(value, context)
        tell(link)
        return outputs

    return replace(link, run=run)
