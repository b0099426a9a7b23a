"""Putting entries of ``instar.lock`` anew after an edit of what records have met: on purpose, with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from instar.core.version import label
from instar.project import lock as lock_file
from instar.project.catalogue import SubjectSource
from instar.project.lock import HopKey, Lock, VersionKey

Key = TypeVar("Key", VersionKey, HopKey)


@dataclass(frozen=True, slots=True)
class Edit:
    """An entry that is not what the folder has. ``now`` is None where the file is gone."""

    entry: str
    file: str
    was: str
    now: str | None


def edits(lock: Lock, source: SubjectSource) -> list[Edit]:
    """Every applied schema and hop of a subject that has changed since. Unreadable files are left out: nothing can be
    said of them."""
    found = []
    for (subject, version), was in sorted(lock.schemas.items()):
        if subject != source.name or version in source.unreadable:
            continue
        schema = source.schemas.get(version)
        now = schema.schema.fingerprint if schema else None
        if now != was:
            file = schema.file if schema else f"schemas/{subject}/{label(version)}"
            found.append(Edit(f"{subject}/{label(version)}", file, was, now))
    for (subject, name), was in sorted(lock.hops.items()):
        if subject != source.name:
            continue
        hop = next((each for each in source.hops.values() if each.hop.name == name), None)
        now = hop.checksum if hop else None
        if now != was:
            found.append(Edit(f"{subject}/{name}", f"upcasters/{subject}/{name}.py", was, now))
    return found


def replan(root: Path, source: SubjectSource, reason: str) -> Lock:
    """Write what the folder has now into the lock, with the reason. Raises as ``lock.update`` does."""
    return lock_file.update(root, lambda lock: _with(lock, edits(lock, source), reason))


def _with(lock: Lock, found: list[Edit], reason: str) -> Lock:
    now = {each.entry: each.now for each in found}
    schemas = _put(lock.schemas, now)
    hops = _put(lock.hops, now)
    kept = {*map(_entry, schemas), *map(_entry, hops)}
    reasons = {**lock.replanned, **{each.entry: reason for each in found}}
    replanned = {entry: why for entry, why in reasons.items() if entry in kept}
    return replace(lock, schemas=schemas, hops=hops, replanned=replanned)


def _put(table: Mapping[Key, str], now: Mapping[str, str | None]) -> dict[Key, str]:
    made: dict[Key, str] = {}
    for key, was in table.items():
        value = now.get(_entry(key), was)
        if value is not None:
            made[key] = value
    return made


def _entry(key: VersionKey | HopKey) -> str:
    subject, last = key
    return f"{subject}/{last if isinstance(last, str) else label(last)}"
