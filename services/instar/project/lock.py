"""``instar.lock``: registry ids by version, and checksums of the schemas and hops that have been applied.

The file is TOML with one entry a line, sorted, so that two branches that add entries merge without a conflict, and
two that contradict each other do not. It is committed with the project. ``Lock`` is an immutable value; ``update``
is how a file is changed: under an advisory lock, written whole to a new file, then renamed over the old one.

    [ids.production]              # an environment's registry, or `files`: the ids that the folder gives itself
    1000017 = "orders/v2"         # one version may own many ids

    [schemas]                     # fingerprints of canonical forms: white space and documentation may change
    "orders/v2" = "sha256:..."

    [hops]                        # checksums of a hop's text and that of its helpers
    "orders/v1_to_v2" = "sha256:..."

    [replanned]                   # why an entry above was put anew after an edit (``replan``)
    "orders/v1_to_v2" = "2026-05-04 Ada: a comment was wrong"
"""

import fcntl
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from instar.core.finding import Finding
from instar.core.version import label, parse_label
from instar.project.model import did_you_mean
from instar.project.settings import read_toml
from instar.project.toml_lines import KeyPath, TomlLines

Key = TypeVar("Key")

NAME = "instar.lock"
FORMAT = 1
MAX_ID = 2**31 - 1  # ids are Java ints in every registry

_TABLES = ("ids", "schemas", "hops", "replanned")
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}\Z")
_HOP = re.compile(r"(v[0-9]+)_to_(v[0-9]+)\Z")
_HEADER = (
    "# Written by instar; commit it with the project. One entry a line: keep both sides of a merge.\n"
    "# [ids.*] says which version a registry id is, [schemas] and [hops] what records have already met.\n"
)

VersionKey = tuple[str, int]  # subject, version
HopKey = tuple[str, str]  # subject, v1_to_v2


class LockBroken(ValueError):
    """The lock file cannot be read, so that it cannot be changed either. ``findings`` say why."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Lock:
    """``ids`` by registry name and id; ``schemas`` and ``hops`` are hexadecimal SHA-256.

    ``replanned`` says why an entry was put anew, by its key as the file writes it.
    """

    ids: Mapping[str, Mapping[int, VersionKey]] = field(default_factory=dict)
    schemas: Mapping[VersionKey, str] = field(default_factory=dict)
    hops: Mapping[HopKey, str] = field(default_factory=dict)
    replanned: Mapping[str, str] = field(default_factory=dict)

    def ids_of(self, registry: str) -> Mapping[int, VersionKey]:
        """What each id of one registry means."""
        return self.ids.get(registry, {})

    def with_id(self, registry: str, schema_id: int, subject: str, version: int) -> Self:
        """The lock with one more id. ValueError when the id is already another version's, or out of range."""
        if not 0 <= schema_id <= MAX_ID:
            raise ValueError(f"{schema_id} is no schema id: ids are 0 to {MAX_ID}")
        known = self.ids_of(registry).get(schema_id)
        if known is not None and known != (subject, version):
            raise ValueError(
                f"the schema id {schema_id} of {registry} is {known[0]}/{label(known[1])} in {NAME}, "
                f"not {subject}/{label(version)}"
            )
        entries = {**self.ids_of(registry), schema_id: (subject, version)}
        return replace(self, ids={**self.ids, registry: entries})

    def with_applied(self, schemas: Mapping[VersionKey, str], hops: Mapping[HopKey, str]) -> Self:
        """The lock with these checksums; what is already there stays, so that an edit is still found."""
        return replace(self, schemas={**schemas, **self.schemas}, hops={**hops, **self.hops})

    def text(self) -> str:
        """The file's text: sorted, one entry a line."""
        lines = [_HEADER, f"format = {FORMAT}\n"]
        for registry, ids in sorted(self.ids.items()):
            if ids:
                lines.append(f"\n[ids.{_key(registry)}]\n")
                lines += [f'{number} = "{subject}/{label(v)}"\n' for number, (subject, v) in sorted(ids.items())]
        if self.schemas:
            lines.append("\n[schemas]\n")
            lines += [
                f'"{subject}/{label(v)}" = "sha256:{sum_}"\n' for (subject, v), sum_ in sorted(self.schemas.items())
            ]
        if self.hops:
            lines.append("\n[hops]\n")
            hops = sorted(self.hops.items(), key=lambda entry: (entry[0][0], _hop_order(entry[0][1])))
            lines += [f'"{subject}/{name}" = "sha256:{sum_}"\n' for (subject, name), sum_ in hops]
        if self.replanned:
            lines.append("\n[replanned]\n")
            lines += [f"{_quoted(key)} = {_quoted(why)}\n" for key, why in sorted(self.replanned.items())]
        return "".join(lines)


def read_lock(root: Path) -> Lock | list[Finding]:
    """The lock of a project; an empty one where there is no file yet."""
    path = root / NAME
    if not path.exists():
        return Lock()
    read = read_toml(path, NAME, code="lock")
    if isinstance(read, Finding):
        remedy = "resolve the merge so that every line stands once, or take the file from version control"
        return [replace(read, remedy=remedy)]
    return _parse(*read)


def parse_lock(text: str) -> Lock | list[Finding]:
    """A lock file's text, as one side of a merge has it."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{NAME} is not valid TOML: {error}"
        return [Finding("lock-unreadable", message, "take the file from version control", file=NAME)]
    return _parse(document, TomlLines(text))


def update(root: Path, change: Callable[[Lock], Lock]) -> Lock:
    """Read the lock, change it, write it if it changed; no other process can come between.

    Raises ``LockBroken`` when the file cannot be read, OSError when it cannot be written, and whatever ``change``
    raises; the file is then as it was.
    """
    with _exclusive(root):
        before = read_lock(root)
        if isinstance(before, list):
            raise LockBroken(before)
        after = change(before)
        if after != before:
            write_atomically(root / NAME, after.text())
        return after


def write_atomically(path: Path, text: str) -> None:
    """Replace a file's content whole: a crash leaves the old text or the new one, never a part."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself must survive a power cut
    finally:
        os.close(folder)


@contextmanager
def _exclusive(root: Path) -> Iterator[None]:
    """An advisory lock on the folder: the file itself is replaced, so a lock on it would not hold."""
    handle = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class LockIds:
    """The ids of one registry in a project's lock file: the store that the registry adapters write through.

    ``entries`` is what the file said at the last look; ``add`` reads the file again before it writes.
    """

    def __init__(self, root: Path, registry: str, lock: Lock) -> None:
        self._root = root
        self._registry = registry
        self._entries: Mapping[int, VersionKey] = lock.ids_of(registry)

    @property
    def entries(self) -> Mapping[int, VersionKey]:
        return self._entries

    def add(self, schema_id: int, subject: str, version: int) -> None:
        """Raises ValueError when the id is another version's, ``LockBroken`` and OSError as ``update`` does."""
        lock = update(self._root, lambda lock: lock.with_id(self._registry, schema_id, subject, version))
        self._entries = lock.ids_of(self._registry)


def _key(name: str) -> str:
    return name if _BARE.match(name) else _quoted(name)


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's, except that TOML also wants DEL escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _hop_order(name: str) -> tuple[int, str]:
    match = _HOP.match(name)
    return (parse_label(match[1]) or 0 if match else 0, name)


# --------------------------------------------------------------------------------------------------- reading


def _parse(document: Mapping[str, Any], lines: TomlLines) -> Lock | list[Finding]:
    number = document.get("format")
    if number != FORMAT:
        newer = isinstance(number, int) and number > FORMAT
        remedy = "use a newer instar" if newer else f"the first entry must be format = {FORMAT}"
        return [_wrong(lines, ("format",), f"{NAME} is not of format {FORMAT}", remedy)]
    found = [
        _wrong(lines, (key,), f"unknown key `{key}` in {NAME}", did_you_mean(key, _TABLES))
        for key in document
        if key not in ("format", *_TABLES)
    ]
    ids: dict[str, dict[int, VersionKey]] = {}
    for registry, table in _tables(document, "ids", lines, found):
        for key, text in table.items():
            target = _version_key(text)
            if not key.isascii() or not key.isdigit() or int(key) > MAX_ID or target is None:
                message = f'`{key}` of [ids.{registry}] is not an entry like 17 = "orders/v2"'
                found.append(_wrong(lines, ("ids", registry, key), message, "correct or remove the line"))
            else:
                ids.setdefault(registry, {})[int(key)] = target
    schemas = _checksums(document, "schemas", _version_key, lines, found)
    hops = _checksums(document, "hops", _hop_key, lines, found)
    replanned = document.get("replanned", {})
    if not isinstance(replanned, dict) or not all(isinstance(why, str) for why in replanned.values()):
        found.append(_wrong(lines, ("replanned",), "[replanned] holds texts only", "correct or remove the line"))
        replanned = {}
    return found or Lock(ids, schemas, hops, replanned)


def _tables(
    document: Mapping[str, Any], name: str, lines: TomlLines, found: list[Finding]
) -> Iterator[tuple[str, dict[str, Any]]]:
    outer = document.get(name, {})
    entries = outer.items() if isinstance(outer, dict) else [("", outer)]
    for key, table in entries:
        if isinstance(table, dict):
            yield key, table
        else:
            found.append(_wrong(lines, (name, key), f"`{name}.{key}` of {NAME} is not a table", "remove the line"))


def _checksums(
    document: Mapping[str, Any],
    name: str,
    parse: Callable[[Any], Key | None],
    lines: TomlLines,
    found: list[Finding],
) -> dict[Key, str]:
    made: dict[Key, str] = {}
    for _, table in _tables({name: {"": document.get(name, {})}}, name, lines, found):
        for key, text in table.items():
            parsed = parse(key)
            if parsed is None or not isinstance(text, str) or not _CHECKSUM.match(text):
                message = f"`{key}` of [{name}] is not an entry with a checksum"
                found.append(_wrong(lines, (name, key), message, "take the line from version control"))
            else:
                made[parsed] = text.removeprefix("sha256:")
    return made


def _version_key(text: Any) -> VersionKey | None:
    subject, slash, version = text.rpartition("/") if isinstance(text, str) else ("", "", "")
    number = parse_label(version)
    return (subject, number) if slash and subject and number is not None else None


def _hop_key(text: Any) -> HopKey | None:
    subject, slash, name = text.rpartition("/") if isinstance(text, str) else ("", "", "")
    return (subject, name) if slash and subject and _HOP.match(name) else None


def _wrong(lines: TomlLines, path: KeyPath, message: str, remedy: str) -> Finding:
    return Finding(code="lock", message=message, remedy=remedy, file=NAME, line=lines.line_of(path))
