"""A module of pydantic models for one version of a subject.

The models take every valid record as its codec decodes it, and give back the same plain value: ``InstarDeserializer``
and ``InstarSerializer`` read from the root's ``instar_subject`` and ``instar_version`` what they are. A schema's other
rules (``pattern``, ``minimum``) stay the schema's: it has been held against every record before a model sees it.
"""

import re
from collections.abc import Iterator

from instar.core.formats.schema import Kind
from instar.core.formats.shape import Object, Shape
from instar.core.models.collect import Alias, Collected, EnumClass, ModelClass, ModelField, collect
from instar.core.models.names import class_name, field_names, symbol_names
from instar.core.models.notes import Notes
from instar.core.models.text import docstring, quoted
from instar.core.version import label

MARK = "# Written by `instar client types`: change the schema, and write it again."

_CONFIG = """\
    model_config = ConfigDict(
        extra="forbid",
        validate_by_alias=True,
        validate_by_name=True,
        serialize_by_alias=True,
        protected_namespaces=(),
        val_json_bytes="base64",
        ser_json_bytes="base64",
        ser_json_inf_nan="strings",
    )
"""
_BASE = "class _Record(BaseModel):\n" + _CONFIG
_ROOT_CONFIG = """\
    model_config = ConfigDict(val_json_bytes="base64", ser_json_bytes="base64", ser_json_inf_nan="strings")
"""
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_FROM_PYDANTIC = ("AwareDatetime", "BaseModel", "ConfigDict", "Field", "NaiveDatetime", "RootModel")
_FROM_TYPING = ("Annotated", "Any", "ClassVar", "Literal", "TypeAlias")


def module(shape: Shape, kind: Kind, notes: Notes, subject: str, version: int) -> str:
    """The text of the module; the same schema always gives the same."""
    found = collect(shape, notes, subject, avro=kind == "avro")
    names = {each.name for each in found.classes}
    root = found.root if isinstance(shape, Object) else class_name(subject, names)
    blocks = [_block(each, names | {root}, each.name == root, subject, version) for each in found.classes]
    if root not in names:
        blocks.append("\n".join(_root_model(root, found, subject, version)) + "\n")
    if any(isinstance(each, ModelClass) for each in found.classes):
        blocks.insert(0, _BASE)
    body = "\n\n".join(blocks)
    title = f"Models of {subject} {label(version)}. A record is {root}."
    head = [MARK, "", *docstring(title), "", *_imports(body)]
    return "\n".join(head) + "\n\n\n" + body


def root_name(shape: Shape, kind: Kind, notes: Notes, subject: str) -> str:
    """The class of a whole record."""
    found = collect(shape, notes, subject, avro=kind == "avro")
    return found.root if isinstance(shape, Object) else class_name(subject, {each.name for each in found.classes})


def _block(each: EnumClass | Alias | ModelClass, names: set[str], is_root: bool, subject: str, version: int) -> str:
    match each:
        case EnumClass():
            lines = _enum_class(each)
        case Alias():
            lines = [f"{each.name}: TypeAlias = Literal[", *(f"    {quoted(one)}," for one in each.symbols), "]"]
        case ModelClass():
            lines = _model_class(each, names, _said(subject, version) if is_root else [])
    return "\n".join(lines) + "\n"


def _enum_class(each: EnumClass) -> list[str]:
    members = symbol_names(each.symbols)
    lines = [f"    {members[symbol]} = {quoted(symbol)}" for symbol in each.symbols]
    doc = docstring(each.doc, "    ")
    return [
        f"class {each.name}(StrEnum):",
        *doc,
        *([""] if doc and lines else []),
        *(lines or ([] if doc else ["    pass"])),
    ]


def _model_class(each: ModelClass, names: set[str], said: list[str]) -> list[str]:
    doc = docstring(each.doc, "    ")
    members = field_names((one.wire for one in each.fields), names)
    parts = [part for part in (doc, said, list(_fields(each.fields, members))) if part]
    lines: list[str] = []
    for part in parts:
        lines += ["", *part] if lines else part
    allowed = ', extra="allow"' if each.is_open else ""
    return [f"class {each.name}(_Record{allowed}):", *(lines or ["    pass"])]


def _fields(fields: list[ModelField], members: dict[str, str]) -> Iterator[str]:
    for each in fields:
        member, annotation = members[each.wire], each.annotation
        if member != each.wire:
            annotation = f"Annotated[{annotation}, Field(alias={quoted(each.wire)})]"
        yield f"    {member}: {annotation}" + ("" if each.default is None else f" = {each.default}")
        yield from docstring(each.doc, "    ")


def _root_model(root: str, found: Collected, subject: str, version: int) -> list[str]:
    return [f"class {root}(RootModel[{found.root}]):", *_ROOT_CONFIG.splitlines(), "", *_said(subject, version)]


def _said(subject: str, version: int) -> list[str]:
    return [
        f"    instar_subject: ClassVar[str] = {quoted(subject)}",
        f"    instar_version: ClassVar[str] = {quoted(label(version))}",
    ]


def _imports(body: str) -> list[str]:
    """The imports that the module needs: names that stand outside of strings and docs."""
    code = "\n".join(line for line in _without_docs(body))
    used = set(re.findall(r"[A-Za-z_]+", _STRING.sub("", code)))
    standard = []
    if "dt" in used:
        standard.append("import datetime as dt")
    if "Decimal" in used:
        standard.append("from decimal import Decimal")
    if "StrEnum" in used:
        standard.append("from enum import StrEnum")
    typing = ", ".join(name for name in _FROM_TYPING if name in used)
    standard.append(f"from typing import {typing}")
    if "UUID" in used:
        standard.append("from uuid import UUID")
    pydantic = ", ".join(name for name in _FROM_PYDANTIC if name in used)
    branches = ["from instar.client.branches import Branches"] if "Branches" in used else []
    return ["from __future__ import annotations", "", *standard, "", *branches, f"from pydantic import {pydantic}"]


def _without_docs(body: str) -> Iterator[str]:
    """The lines that are code. A docstring's quotes are all escaped but those that open and close it."""
    inside = False
    for line in body.splitlines():
        marks = line.count('"""')
        if not inside and not marks:
            yield line
        inside ^= marks == 1
