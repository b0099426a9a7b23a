"""The versions of a subject, made of what a registry holds of it: patches that no record shows share a version."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from instar.core.compat.json_schema import check as check_json
from instar.core.formats.schema import Kind, Schema
from instar.core.formats.shape import MISSING, Array, Enum, Field, Map, Object, Shape, Union


@dataclass(frozen=True, slots=True)
class Known:
    """One schema of a registry's subject. ``number`` is the registry's own version, None where it no longer lists it.

    ``text`` is the self-contained document.
    """

    ids: tuple[int, ...]
    number: int | None
    kind: Kind
    text: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class Group:
    """What becomes one version: its schemas, oldest first. The newest one is written."""

    members: tuple[Known, ...]

    @property
    def newest(self) -> Known:
        return self.members[-1]

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(sorted({number for member in self.members for number in member.ids}))


def ordered(known: Sequence[Known]) -> list[Known]:
    """In the registry's order; what it no longer lists stands where its id says."""
    listed = sorted((each for each in known if each.number is not None), key=lambda each: each.number or 0)
    for extra in sorted((each for each in known if each.number is None), key=lambda each: min(each.ids)):
        at = next((index for index, each in enumerate(listed) if min(each.ids) > min(extra.ids)), len(listed))
        listed.insert(at, extra)
    return listed


def grouped(known: Sequence[Known], *, separate: bool = False) -> list[Group]:
    """Neighbours that are patches of one another, together. ``separate`` keeps all but equal ones apart."""
    groups: list[list[Known]] = []
    for each in ordered(known):
        if groups and all(is_patch(member, each, separate=separate) for member in groups[-1]):
            groups[-1].append(each)
        else:
            groups.append([each])
    return [Group(tuple(members)) for members in groups]


def is_patch(old: Known, new: Known, *, separate: bool = False) -> bool:
    """May records of both be taken for one version?

    Avro: the same bytes mean the same; documentation, defaults and aliases may differ, since they are not in a record.
    JSON Schema: each reads the other where readers ignore what they do not know.
    """
    if old.kind != new.kind:
        return False
    if old.schema.canonical == new.schema.canonical:
        return True
    if separate:
        return False
    if new.kind == "avro":
        return bool(_written(old.schema.shape) == _written(new.schema.shape))
    return not check_json(json.loads(old.text), json.loads(new.text), mode="full", policy="lenient")


def _written(shape: Shape) -> Any:
    """A shape without what no record shows."""
    match shape:
        case Object(fields=fields, name=name):
            bare = {key: Field(_written(field.shape), field.required) for key, field in fields.items()}
            return (name, tuple(bare.items()))
        case Array(items=items):
            return Array(_written(items))
        case Map(values=values):
            return Map(_written(values))
        case Enum(symbols=symbols, name=name):
            return Enum(symbols, name, MISSING)
        case Union(branches=branches):
            return Union(tuple(_written(branch) for branch in branches))
    return shape
