"""Avro schema documents with every feature that ``parse_avro`` reads, drawn by Hypothesis."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
LOGICAL = (
    {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
    {"type": "bytes", "logicalType": "decimal", "precision": 40},
    {"type": "string", "logicalType": "uuid"},
    {"type": "int", "logicalType": "date"},
    {"type": "int", "logicalType": "time-millis"},
    {"type": "long", "logicalType": "time-micros"},
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "long", "logicalType": "local-timestamp-millis"},
    {"type": "long", "logicalType": "local-timestamp-micros"},
    {"type": "long", "logicalType": "timestamp-nanos"},  # not read as a Python value: stays a long
    {"type": "string", "logicalType": "shouting"},
)


# A schema is parsed and compiled for each example: on a busy machine that may take any time.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

_SPACES = ("", "shop.a", "shop.b")


def avro_documents(*, spaces: tuple[str, ...] = _SPACES, only_nullable: bool = False) -> st.SearchStrategy[Any]:
    """A parsed schema document: usually a record, sometimes any other type.

    Other implementations cannot refer to a type without a namespace from inside of one: ``spaces`` leaves that out.
    ``only_nullable`` leaves out unions of more than null and one type.
    """
    return st.composite(lambda draw: _Drawer(draw, spaces, only_nullable).top())()


class _Drawer:
    """Draws one document. ``names`` are the types defined so far, ``around`` the records that are being defined."""

    def __init__(self, draw: Any, spaces: tuple[str, ...], only_nullable: bool) -> None:
        self._draw = draw
        self._spaces = spaces
        self._only_nullable = only_nullable
        self._names: list[str] = []
        self._around: list[str] = []
        self._count = 0

    def top(self) -> Any:
        return self._record(3) if self._choice([True, True, True, False]) else self._type(3)

    def _choice(self, options: Any) -> Any:
        return self._draw(st.sampled_from(list(options)))

    def _type(self, depth: int) -> Any:
        leaves = ["primitive", "primitive", "logical", "enum", "fixed", "known"]
        kind = self._choice(
            leaves if depth <= 0 else [*leaves, "array", "map", "record", "record", "union", "nullable"]
        )
        match kind:
            case "primitive":
                name = self._choice(PRIMITIVES)
                return name if self._choice([True, False]) else {"type": name}
            case "logical":
                return dict(self._choice(LOGICAL))
            case "enum" | "fixed":
                return self._leaf_named(kind)
            case "array":
                if self._around and self._choice([True, False, False]):
                    return {"type": "array", "items": self._choice(self._around)}  # recursion through an array
                return {"type": "array", "items": self._type(depth - 1)}
            case "map":
                return {"type": "map", "values": self._type(depth - 1)}
            case "record":
                return self._record(depth - 1)
            case "union" if not self._only_nullable:
                return self._union(depth - 1)
            case "nullable" | "union":
                return self._nullable(depth)
            case _:
                return self._choice(self._names) if self._names else "long"

    def _nullable(self, depth: int) -> Any:
        if self._around and self._choice([True, False]):
            return ["null", self._choice(self._around)]  # recursion with a way out
        inner = self._type(depth - 1)
        return inner if isinstance(inner, list) or _kind(inner) == "null" else ["null", inner]

    def _union(self, depth: int) -> list[Any]:
        branches: dict[str, Any] = {}
        for _ in range(self._choice([1, 2, 3, 4])):
            known = list(self._names)
            branch = self._leaf_named(self._choice(["enum", "fixed"])) if self._choice([0, 0, 1]) else self._type(depth)
            key = _name(branch) or _kind(branch)
            if isinstance(branch, list) or key in branches:
                self._names = known  # left out, with the types that are defined inside of it
            else:
                branches[key] = branch
        return list(branches.values()) or ["null"]

    def _leaf_named(self, kind: str) -> dict[str, Any]:
        made = self._head(kind)
        if kind == "enum":
            made["symbols"] = ["A", "B", "C"][: self._choice([1, 2, 3])]
            if self._choice([True, False]):
                made["default"] = "A"
        else:
            made["size"] = self._choice([0, 1, 4, 16])
            if made["size"] == 4 and self._choice([True, False]):
                made |= {"logicalType": "decimal", "precision": 9, "scale": 3}
        self._names.append(_name(made) or "")
        return made

    def _head(self, kind: str) -> dict[str, Any]:
        self._count += 1
        short = f"T{self._count}"
        # The namespace is always said, so that a full name is what it looks like wherever the type stands.
        made = {"type": kind, "name": short, "namespace": self._choice(self._spaces)}
        if self._choice([True, False, False]):
            made["aliases"] = [f"Old{short}"]
        if self._choice([True, False, False]):
            made["doc"] = "What it is for."
        return made

    def _record(self, depth: int) -> dict[str, Any]:
        made = self._head("record")
        name = _name(made) or ""
        self._around.append(name)
        fields = []
        for index in range(self._choice([0, 1, 2, 3, 4])):
            field: dict[str, Any] = {"name": f"f{index}", "type": self._type(depth)}
            if isinstance(field["type"], list) and _kind(field["type"][0]) == "null" and self._choice([True, False]):
                field["default"] = None
            if self._choice([True, False, False]):
                field["aliases"] = [f"old_{index}"]
            fields.append(field)
        self._around.pop()
        self._names.append(name)
        return {**made, "fields": fields}


def _kind(document: Any) -> str:
    return str(document["type"]) if isinstance(document, dict) else str(document)


def _name(document: Any) -> str | None:
    """The full name of a definition, None for other types."""
    if not isinstance(document, dict) or "name" not in document:
        return None
    space = document["namespace"]
    return f"{space}.{document['name']}" if space else str(document["name"])
