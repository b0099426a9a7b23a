"""Modules that were written by `instar client types`, imported; and what they may hold at all."""

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from uuid import uuid4

from instar.core.formats.schema import Schema
from instar.core.models.module import module, root_name
from instar.core.models.notes import AvroNotes, JsonNotes, Notes


def notes_of(schema: Schema, document: Any) -> Notes:
    return AvroNotes(document) if schema.kind == "avro" else JsonNotes(document, {})


def text_of(schema: Schema, document: Any, *, subject: str = "orders") -> str:
    return module(schema.shape, schema.kind, notes_of(schema, document), subject, 1)


@contextmanager
def imported(text: str) -> Iterator[ModuleType]:
    """The module, under a name of its own for as long as it is looked at."""
    made = ModuleType(f"generated_{uuid4().hex}")
    sys.modules[made.__name__] = made
    try:
        exec(compile(text, made.__name__, "exec", dont_inherit=True), made.__dict__)  # noqa: S102 - to be tried
        yield made
    finally:
        del sys.modules[made.__name__]


@contextmanager
def root_of(schema: Schema, document: Any) -> Iterator[Any]:
    """The class of a whole record."""
    with imported(text_of(schema, document)) as made:
        yield getattr(made, root_name(schema.shape, schema.kind, notes_of(schema, document), "orders"))


_CALLS = {"Field", "Branches", "ConfigDict", "float", "Decimal", "UUID", "dt.date", "dt.time", "dt.datetime"}
_NODES = (
    ast.Module, ast.ImportFrom, ast.Import, ast.alias, ast.ClassDef, ast.keyword, ast.Assign, ast.AnnAssign, ast.Expr,
    ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.BitOr, ast.Tuple, ast.List, ast.Dict,
    ast.Call, ast.UnaryOp, ast.USub, ast.Load, ast.Store, ast.Pass,
)  # fmt: skip


def forbidden_in(text: str) -> list[str]:
    """What a module holds beside classes, types, literals and the few calls that make them; empty for a good one."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, _NODES):
            found.append(type(node).__name__)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) not in _CALLS:
            found.append(f"a call of {ast.unparse(node.func)}")
        elif isinstance(node, ast.ImportFrom | ast.Import):
            module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            if module not in (
                "__future__",
                "datetime",
                "decimal",
                "enum",
                "typing",
                "uuid",
                "pydantic",
                "instar.client.branches",
            ):
                found.append(f"an import of {module}")
        elif isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            found.append(f"a statement {ast.unparse(node)}")
    return found
