"""The schema documents in a subject's folder: ``v1.avsc`` or ``v1.json``, and the types that they refer to.

Avro: named types may live in files of their own, ``schemas/<subject>/types/*.avsc`` for one subject and
``schemas/_shared/*.avsc`` for all; each holds one named type and a schema refers to it by its full name. A type that
changes from one version to the next belongs into the versions' own files.
JSON Schema: any other ``.json`` file in the folder may be the target of a relative ``$ref``; another version's file
only by its name.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instar.core.finding import Finding
from instar.core.formats.avro import parse_avro
from instar.core.formats.json_schema import parse_json
from instar.core.formats.schema import Invalid, Schema
from instar.core.subject import Unknown
from instar.core.version import label, parse_label
from instar.project.avro_inline import inlined
from instar.project.json_lines import line_of_pointer

FOLDER = "schemas"
SHARED = "_shared"
TYPES = "types"
EXAMPLES = "examples"

_ALMOST_VERSION = re.compile(r"v?_?0*[0-9]+\Z", re.I)
_SUFFIXES = {".avsc": "avro", ".json": "json"}


@dataclass(frozen=True, slots=True)
class SchemaFile:
    """A parsed schema. ``document`` is its self-contained text, with what it refers to inside: what registries get."""

    schema: Schema
    document: str = field(repr=False)
    file: str  # relative to the root


@dataclass(slots=True)
class SchemaFolder:
    """The versions of a subject. ``unreadable`` are those whose file is there and does not parse."""

    schemas: dict[int, SchemaFile] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unreadable: set[int] = field(default_factory=set)


def read_schemas(root: Path, subject: str, unknown: Unknown) -> SchemaFolder:
    """Parse every version of a subject; all findings at once."""
    folder = root / FOLDER / subject
    result = SchemaFolder()
    files = _version_files(folder, root, subject, result)
    suffixes = {path.suffix for path in files.values()}
    types = _named_types(root, folder, subject, result) if ".avsc" in suffixes else {}
    resources = _resources(folder, root, subject, result) if ".json" in suffixes else {}
    # Most versions refer to none of the others, and each document that a parser is given costs it time.
    unneeded = {path.name for path in files.values()} - set(_referred_names(list(resources.values())))
    for version, path in sorted(files.items()):
        document = read_document(path, root, subject)
        if isinstance(document, Finding):
            parsed: SchemaFile | Finding = document
        else:
            others = {name: each for name, each in resources.items() if name != path.name and name not in unneeded}
            parsed = _parse(path, root, subject, document, types=types, resources=others, unknown=unknown)
        if isinstance(parsed, Finding):
            result.findings.append(parsed)
            result.unreadable.add(version)
        else:
            result.schemas[version] = parsed
    return result


def raw_document(root: Path, subject: str, file: str) -> tuple[Any, dict[str, Any]] | None:
    """A JSON Schema as its file has it, and the other documents of the folder by path; None where it does not parse."""
    document = read_document(root / file, root, subject)
    if isinstance(document, Finding):
        return None
    folder = root / FOLDER / subject
    others = _resources(folder, root, subject, SchemaFolder())
    wanted = {name.rpartition("/")[2] for name in _referred_names([document, *others.values()])}
    return document, {name: each for name, each in others.items() if name.rpartition("/")[2] in wanted}


def _version_files(folder: Path, root: Path, subject: str, result: SchemaFolder) -> dict[int, Path]:
    """The file of each version; two files for one version, and names that were meant as one, are found."""
    files: dict[int, Path] = {}
    first: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in _SUFFIXES or not path.is_file():
            continue
        version = parse_label(path.stem) if path.suffix in _SUFFIXES else None
        file = path.relative_to(root).as_posix()
        if version is None:
            if path.suffix != ".json" or _ALMOST_VERSION.match(path.stem):
                message = f"{path.name} is not named like a version, so that it is not read as one"
                remedy = f"name it v1.avsc or v1.json; named types belong into {TYPES}/"
                result.findings.append(Finding("schema-misnamed", message, remedy, file=file, subject=subject))
        elif version in first:
            message = f"{subject} has two schemas for {label(version)}: {first[version].name} and {path.name}"
            remedy = "keep one of them"
            result.findings.append(Finding("duplicate-version", message, remedy, file=file, subject=subject))
            files.pop(version, None)  # nobody knows which one is meant
            result.unreadable.add(version)
        else:
            first[version] = files[version] = path
    return files


def read_document(path: Path, root: Path, subject: str | None) -> Any | Finding:
    """A JSON document from a file of the project; twice the same key is an error, since one would be lost."""
    file = path.relative_to(root).as_posix()
    line = None
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        message = f"{path.name} is not UTF-8 text (byte {error.start})"
    except json.JSONDecodeError as error:
        message, line = f"{path.name} is not JSON: {error.msg} (column {error.colno})", error.lineno
    except (ValueError, RecursionError) as error:
        message = f"{path.name} is not JSON that can be used: {error}"
    except OSError as error:
        message = f"{path.name} cannot be read: {error.strerror}"
    return Finding("schema-unreadable", message, "correct the file", file=file, line=line, subject=subject)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the key {twice!r} twice")
    return made


def _parse(
    path: Path,
    root: Path,
    subject: str,
    document: Any,
    *,
    types: Mapping[str, tuple[Path, Any]],
    resources: Mapping[str, Any],
    unknown: Unknown,
) -> SchemaFile | Finding:
    file = path.relative_to(root).as_posix()
    try:
        if path.suffix == ".avsc":
            named = {name: each for name, (_, each) in types.items()}
            schema: Schema = parse_avro(document, named=named)
            whole = inlined(document, named)
            text = json.dumps(document if whole == document else whole, ensure_ascii=False)
        else:
            schema = parse_json(document, resources=resources, unknown=unknown)
            text = json.dumps(document, ensure_ascii=False) if _stands_alone(document) else schema.canonical
    except Invalid as invalid:
        return _invalid(invalid, path, root, subject, {name: place for name, (place, _) in types.items()})
    return SchemaFile(schema, text, file)


def _referred_names(document: Any) -> Iterator[str]:
    """The file name in every reference of a JSON Schema, whatever folder it is in."""
    if isinstance(document, dict):
        reference = document.get("$ref")
        if isinstance(reference, str):
            yield reference.partition("#")[0].rpartition("/")[2]
        for each in document.values():
            yield from _referred_names(each)
    elif isinstance(document, list):
        for each in document:
            yield from _referred_names(each)


def _stands_alone(document: Any) -> bool:
    """Does a JSON Schema refer to nothing but places in its own document, as far as its references show it?"""
    match document:
        case dict():
            reference = document.get("$ref", "#")
            is_inside = isinstance(reference, str) and reference.startswith("#")
            return is_inside and all(map(_stands_alone, document.values()))
        case list():
            return all(map(_stands_alone, document))
        case _:
            return True


def _invalid(invalid: Invalid, path: Path, root: Path, subject: str, types: Mapping[str, Path]) -> Finding:
    """A mistake may be in another file than the version's: ``common/user.json#/type``, or ``shop.Money#/fields/0``."""
    other, has_other, pointer = invalid.where.partition("#")
    place = types.get(other, path.parent / other) if has_other and other else path
    if not place.is_file():
        place, pointer = path, ""
    elif not has_other:
        pointer = invalid.where
    where = f" (at {invalid.where})" if invalid.where else ""
    return Finding(
        code="schema-invalid",
        message=f"{path.name} is not a valid schema: {invalid}{where}",
        remedy=invalid.remedy or "correct the schema",
        file=place.relative_to(root).as_posix(),
        line=line_of_pointer(place.read_text(encoding="utf-8-sig"), pointer),
        path=pointer or None,
        subject=subject,
    )


def _named_types(root: Path, folder: Path, subject: str, result: SchemaFolder) -> dict[str, tuple[Path, Any]]:
    """File and document of each named type by full name; a subject's own comes before one that all subjects share."""
    named: dict[str, tuple[Path, Any]] = {}
    for place in (root / FOLDER / SHARED, folder / TYPES):
        here: dict[str, Path] = {}
        owner = subject if place.parent == folder else None
        for path in sorted(place.glob("*.avsc")) if place.is_dir() else ():
            document = read_document(path, root, owner)
            if isinstance(document, Finding):
                result.findings.append(document)
                continue
            name = _full_name(document)
            file = path.relative_to(root).as_posix()
            if name is None:
                message = f"{path.name} is not one named type (record, enum or fixed with a name)"
                result.findings.append(
                    Finding("type-invalid", message, "put one named type into each file", file=file, subject=owner)
                )
            elif name in here:
                message = f"{name} is defined twice, in {here[name].name} and {path.name}"
                result.findings.append(Finding("type-twice", message, "keep one of them", file=file, subject=owner))
            else:
                here[name] = path
                named[name] = (path, document)
    return named


def _full_name(document: Any) -> str | None:
    """The full name of a named type (Avro specification, section "Names")."""
    if not isinstance(document, dict) or document.get("type") not in ("record", "error", "enum", "fixed"):
        return None
    name, namespace = document.get("name"), document.get("namespace")
    if not isinstance(name, str) or not name:
        return None
    return name if "." in name or not isinstance(namespace, str) or not namespace else f"{namespace}.{name}"


def _resources(folder: Path, root: Path, subject: str, result: SchemaFolder) -> dict[str, Any]:
    """Every JSON document of the folder but the examples, by path relative to it. Versions are read elsewhere."""
    resources: dict[str, Any] = {}
    for path in sorted(folder.rglob("*.json")):
        relative = path.relative_to(folder)
        if relative.parts[0] == EXAMPLES:
            continue
        document = read_document(path, root, subject)
        if not isinstance(document, Finding):
            resources[relative.as_posix()] = document
        elif parse_label(path.stem) is None or len(relative.parts) > 1:
            result.findings.append(document)
    return resources
