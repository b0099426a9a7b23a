"""The modes of verification, and what each cannot catch: the table of docs/verification.md in words."""

from collections.abc import Mapping
from enum import StrEnum


class Mode(StrEnum):
    COUNTS = "counts"
    DIGEST = "digest"
    FULL = "full"
    SAMPLE = "sample"


_ALWAYS = (
    "A hop that is wrong in the same way in the reference: what the hops mean is for `instar check` and for people.",
    "Records that retention or compaction had removed from the source before they were compared.",
    "What producers left out, or wrote wrongly, in the source itself.",
)

CANNOT_CATCH: Mapping[Mode, tuple[str, ...]] = {
    Mode.COUNTS: (
        "What a record holds: a changed header or timestamp, or a value whose checksum was made anew.",
        "A value that another chain made.",
        "The order of records.",
        "One record lost and another there twice in the same partition: the counts cancel each other out.",
        "Counts after a recovered or a moved checkpoint begin anew; compare in full then.",
        *_ALWAYS,
    ),
    Mode.DIGEST: (
        "Two different contents under one 128-bit digest.",
        "A change of the source since a digest of it was kept: kept ranges are not read again.",
        "The content of the header `instar-lost`, until it is used on the way back up.",
        *_ALWAYS,
    ),
    Mode.FULL: (
        "The content of the header `instar-lost`, until it is used on the way back up.",
        "On a compacted topic: a lost value of a key that has a later one, and a lost tombstone.",
        *_ALWAYS,
    ),
    Mode.SAMPLE: (
        "Whatever stands in records that were not drawn: a sample of 20 says little about one record in a million.",
        "Records that stand twice far from each other, out of order, or that no bridge wrote.",
        *_ALWAYS,
    ),
}
