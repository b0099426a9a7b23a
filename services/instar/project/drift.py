"""Edits of schemas and hops that records have already met, as instar.lock remembers them."""

from collections.abc import Mapping

from instar.core.finding import Finding
from instar.core.version import label
from instar.project.catalogue import SubjectSource
from instar.project.hops import FOLDER as HOPS
from instar.project.lock import NAME, Lock
from instar.project.schema_files import FOLDER as SCHEMAS


def edited(lock: Lock, sources: Mapping[str, SubjectSource]) -> list[Finding]:
    """An error for each applied schema or hop that is not what it was; also for one that is gone."""
    found = []
    for (subject, version), fingerprint in sorted(lock.schemas.items()):
        source = sources.get(subject)
        schema = source.schemas.get(version) if source else None
        if schema is not None and schema.schema.fingerprint != fingerprint:
            message = f"{label(version)} of {subject} has changed since records were written with it"
            found.append(_edited("schema-edited", message, f"add {label(version + 1)} instead", schema.file, subject))
        elif schema is None and (source is None or not _is_broken(source, version)):
            message = f"{label(version)} of {subject} is gone, and records were written with it"
            found.append(_edited("schema-edited", message, "", f"{SCHEMAS}/{subject}", subject))
    for (subject, name), checksum in sorted(lock.hops.items()):
        source = sources.get(subject)
        hop = next((each for each in source.hops.values() if each.hop.name == name), None) if source else None
        file = f"{HOPS}/{subject}/{name}.py"
        if hop is not None and hop.checksum != checksum:
            also = f" (its helpers count: {', '.join(hop.helpers)})" if hop.helpers else ""
            message = f"{name} of {subject} has changed since records went through it{also}"
            remedy = "two records of one topic would then differ; a change of meaning is a new version"
            found.append(_edited("hop-edited", message, remedy, file, subject))
    return found


def _is_broken(source: SubjectSource, version: int) -> bool:
    """Is the version's file there, and only unreadable? That is found elsewhere."""
    return version in source.unreadable


def _edited(code: str, message: str, instead: str, file: str, subject: str) -> Finding:
    remedy = f"take the file from version control{'; ' + instead if instead else ''}"
    remedy += f". Where the edit changes no record's meaning: instar lock replan {subject} --reason ... ({NAME})"
    return Finding(code, message, remedy, file=file, subject=subject)
