"""Packs: the schemas, hops and lock of some subjects as a Python wheel, for programs in other repositories.

A wheel is a zip archive with three files of metadata (Python Packaging User Guide, "Binary distribution format"; see
``wheel``), byte for byte the same from the same project, so that two builds can be compared. Its one package holds

    pack.json          what this is: name, version, subjects, framings of the topics, checksum of each file, fingerprint
    formats/           schemas/SUBJECT/..., upcasters/SUBJECT/..., instar.lock: as they are in the project

and the entry point group ``instar.packs`` names it. Examples stay behind: they may hold real people's data, and no
reader needs them. Opening a pack executes none of the package's own code.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from instar.core.finding import Finding
from instar.core.subject import Catalogue
from instar.project import hops, lock, schema_files
from instar.project.catalogue import SubjectSource, read_catalogue
from instar.project.lock import Lock, read_lock
from instar.project.migration import FramingSettings, Migration
from instar.project.model import did_you_mean
from instar.project.project import Project
from instar.project.subject_file import NAME as SUBJECT_FILE

GROUP = "instar.packs"
MANIFEST = "pack.json"
FOLDER = "formats"
FORMAT = 1

_SCHEMA_SUFFIXES = (".avsc", ".json")


class PackBroken(Exception):
    """A pack is not there, or is not what was built. ``remedy`` says what to do."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class TopicFraming:
    """How a topic's records are framed; ``version`` is that of every record where the framing is ``none``."""

    settings: FramingSettings
    version: int | None


@dataclass(frozen=True, slots=True)
class Pack:
    """An installed pack, its files verified."""

    name: str
    version: str
    fingerprint: str
    catalogue: Catalogue = field(repr=False)
    sources: Mapping[str, SubjectSource] = field(repr=False)
    lock: Lock = field(repr=False)
    topics: Mapping[str, TopicFraming] = field(repr=False)
    errors: tuple[Finding, ...] = ()

    def document(self, subject: str, version: int) -> str:
        """The self-contained document of a version, as a registry takes it."""
        return self.sources[subject].schemas[version].document


def topic_framings(migrations: Mapping[str, Migration]) -> dict[str, TopicFraming]:
    """The framing of each topic of the migrations. Of a topic that several have, the first by name counts."""
    found: dict[str, TopicFraming] = {}
    for _, migration in sorted(migrations.items()):
        source = TopicFraming(migration.source.framing, migration.source.version)
        found.setdefault(migration.source.topic, source)
        found.setdefault(migration.target.topic, TopicFraming(migration.target_framing, migration.target.version))
    return found


# --------------------------------------------------------------------------------------------------- building


def content(project: Project, subjects: Iterable[str]) -> dict[str, bytes]:
    """The files of a pack's ``formats/``, by path. OSError where one cannot be read."""
    names = sorted(subjects)
    files: dict[str, bytes] = {}
    for name in names:
        folder = project.root / schema_files.FOLDER / name
        for path in sorted(folder.rglob("*")):
            within = path.relative_to(folder).parts
            wanted = path.suffix in _SCHEMA_SUFFIXES or within == (SUBJECT_FILE,)
            if path.is_file() and wanted and within[0] != schema_files.EXAMPLES and not _hidden(within):
                files[path.relative_to(project.root).as_posix()] = path.read_bytes()
        for path in sorted((project.root / hops.FOLDER / name).glob("*.py")):
            files[path.relative_to(project.root).as_posix()] = path.read_bytes()
    if any(name.endswith(".avsc") for name in files):
        for path in sorted((project.root / schema_files.FOLDER / schema_files.SHARED).glob("*.avsc")):
            files[path.relative_to(project.root).as_posix()] = path.read_bytes()
    files[lock.NAME] = _lock_of(project.lock, names).text().encode()
    return files


def manifest(
    name: str, version: str, project: Project, subjects: Iterable[str], files: Mapping[str, bytes]
) -> dict[str, Any]:
    """What ``pack.json`` says. Framings are kept of migrations of these subjects alone."""
    names = sorted(subjects)
    ours = {key: each for key, each in project.settings.migrations.items() if set(each.subjects) & set(names)}
    return {
        "format": FORMAT,
        "name": name,
        "version": version,
        "subjects": names,
        "topics": {topic: _framing_document(each) for topic, each in sorted(topic_framings(ours).items())},
        "files": {path: hashlib.sha256(data).hexdigest() for path, data in sorted(files.items())},
        "fingerprint": fingerprint_of(files),
    }


def fingerprint_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the files' paths and bytes, hexadecimal."""
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _framing_document(framing: TopicFraming) -> dict[str, Any]:
    # Versions are ints inside and `v2` in every file, so that the same model reads them again.
    document = framing.settings.model_dump(exclude_none=True)
    if "default" in document:
        document["default"] = f"v{document['default']}"
    return {"framing": document} | ({} if framing.version is None else {"version": framing.version})


def _hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in parts)


def _lock_of(whole: Lock, names: list[str]) -> Lock:
    """The part of a lock that is about these subjects."""
    return Lock(
        {
            registry: {number: key for number, key in ids.items() if key[0] in names}
            for registry, ids in whole.ids.items()
        },
        {key: each for key, each in whole.schemas.items() if key[0] in names},
        {key: each for key, each in whole.hops.items() if key[0] in names},
        {key: each for key, each in whole.replanned.items() if key.rpartition("/")[0] in names},
    )


# --------------------------------------------------------------------------------------------------- opening


def open_pack(name: str, fingerprint: str | None = None) -> Pack:
    """The installed pack of that name, once its files are those that it was built from.

    ``fingerprint`` is the one that must be there, for programs that pin it. Raises ``PackBroken``.
    """
    return read_pack(_folder_of(_entry_point(name)), fingerprint)


def read_pack(folder: Path, fingerprint: str | None = None) -> Pack:
    """The pack in a package's folder. Raises ``PackBroken``."""
    said = _manifest_in(folder)
    root = folder / FOLDER
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        # Installers compile every .py that they unpack, and editors leave hidden files; neither is ever read here.
        if path.is_file() and not _hidden(path.relative_to(root).parts)
    }
    _verify(said, files, fingerprint)
    read = read_catalogue(root)
    errors = [finding for finding in read.findings if finding.severity == "error"]
    ids = read_lock(root)
    if isinstance(ids, list):
        errors += ids
        ids = Lock()
    return Pack(
        said["name"],
        said["version"],
        said["fingerprint"],
        read.catalogue,
        read.sources,
        ids,
        _topics(said),
        tuple(errors),
    )


def _entry_point(name: str) -> EntryPoint:
    found = entry_points(group=GROUP)
    matching = [each for each in found if each.name == name]
    if not matching:
        installed = sorted({each.name for each in found})
        remedy = did_you_mean(name, installed) if installed else "Install the wheel that `instar pack` built."
        raise PackBroken(f"No pack named {name!r} is installed.", remedy=remedy)
    if len({each.value for each in matching}) > 1:
        packages = ", ".join(sorted(each.value for each in matching))
        raise PackBroken(
            f"Several packages say that they are the pack {name!r}: {packages}.", remedy="Remove all but one."
        )
    return matching[0]


def _folder_of(entry_point: EntryPoint) -> Path:
    spec = find_spec(entry_point.value)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places or not Path(places[0]).is_dir():
        raise PackBroken(
            f"The package {entry_point.value} of the pack {entry_point.name!r} is not a folder on disk.",
            remedy="Install the wheel again; packs are not read out of zip archives.",
        )
    return Path(places[0])


def _manifest_in(folder: Path) -> dict[str, Any]:
    try:
        said: Any = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise PackBroken(f"{folder} has no readable {MANIFEST}: {error}.", remedy="Install the wheel again.") from error
    number = said.get("format") if isinstance(said, dict) else None
    if number != FORMAT:
        newer = isinstance(number, int) and number > FORMAT
        raise PackBroken(
            f"{MANIFEST} in {folder} is of format {number}, this instar reads {FORMAT}.",
            remedy="Use a newer instar." if newer else "Build the wheel again with `instar pack`.",
        )
    lacking = [key for key in ("name", "version", "subjects", "topics", "files", "fingerprint") if key not in said]
    if lacking:
        raise PackBroken(f"{MANIFEST} in {folder} lacks {', '.join(lacking)}.", remedy="Install the wheel again.")
    return dict(said)


def _verify(said: Mapping[str, Any], files: Mapping[str, bytes], pinned: str | None) -> None:
    name = said["name"]
    if pinned is not None and pinned != said["fingerprint"]:
        raise PackBroken(
            f"The installed pack {name} has the fingerprint {said['fingerprint'][:16]}, not {pinned[:16]}.",
            remedy="Install the version that this program was written for, or correct fingerprint=.",
        )
    expected: Mapping[str, str] = said["files"]
    wrong = [f"{path} is missing" for path in sorted(expected.keys() - files.keys())]
    wrong += [f"{path} was added" for path in sorted(files.keys() - expected.keys())]
    wrong += [
        f"{path} was edited"
        for path, data in sorted(files.items())
        if path in expected and hashlib.sha256(data).hexdigest() != expected[path]
    ]
    if wrong or fingerprint_of(files) != said["fingerprint"]:
        what = ", ".join(wrong[:5]) or f"{MANIFEST} was edited"
        raise PackBroken(
            f"The installed pack {name} is not the one that was built: {what}.",
            remedy="Install the wheel again; change formats in their project and build a new version.",
        )


def _topics(said: Mapping[str, Any]) -> dict[str, TopicFraming]:
    try:
        return {
            topic: TopicFraming(FramingSettings.model_validate(each["framing"]), each.get("version"))
            for topic, each in said["topics"].items()
        }
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        raise PackBroken(
            f"{MANIFEST} of {said['name']} says something about a topic that this instar does not read.",
            remedy="Use a newer instar, or build the wheel again.",
        ) from error
