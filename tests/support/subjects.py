"""Subjects without files: a schema that is nothing but its shape, and hops from source text."""

import hashlib
import string
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from textwrap import dedent
from typing import Any

from instar.core.finding import Finding
from instar.core.formats.schema import Kind
from instar.core.formats.shape import MISSING, NULL, Field, Object, Scalar, Shape, Union
from instar.core.formats.shape import Array as Array
from instar.core.formats.shape import Enum as Enum
from instar.core.formats.shape import Map as Map
from instar.core.rejected import HOP_OUTPUT_INVALID, UNREADABLE, Rejected
from instar.core.subject import Subject, SubjectParts, build_subject
from instar.core.upcasting import exact_json
from instar.core.upcasting.hop import BoundHop, Hop, bind

STRING = Scalar("string")
LONG = Scalar("long")
DOUBLE = Scalar("double")
BOOLEAN = Scalar("boolean")
BYTES = Scalar("bytes")
DECIMAL = Scalar("bytes", "decimal")


def record(**fields: Shape | Field) -> Object:
    """A closed record of required fields; a Field says otherwise."""
    return Object({name: part if isinstance(part, Field) else Field(part) for name, part in fields.items()}, "Record")


def nullable(shape: Shape) -> Union:
    return Union((NULL, shape))


@dataclass(frozen=True, slots=True)
class ShapeSchema:
    """Implements ``formats.schema.Schema`` for a shape: bytes are exact JSON, validity is fit to the shape."""

    shape: Shape
    kind: Kind = "avro"

    @property
    def canonical(self) -> str:
        return repr(self.shape)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    def decode(self, data: bytes) -> Any | Rejected:
        try:
            value = exact_json.loads(data)
        except ValueError as error:
            return Rejected(UNREADABLE, f"not a value: {type(error).__name__}")
        wrong = _wrong(self.shape, value, "")
        return value if wrong is None else Rejected(UNREADABLE, wrong[1], path=wrong[0])

    def encode(self, value: Any) -> bytes | Rejected:
        return exact_json.dumps(value)

    def problem(self, value: Any) -> Rejected | None:
        wrong = _wrong(self.shape, value, "")
        return None if wrong is None else Rejected(HOP_OUTPUT_INVALID, wrong[1], path=wrong[0] or None)

    def sample(self, random: Random) -> Any:
        return _draw(self.shape, random)


_PYTHON: dict[tuple[str, str | None], type | tuple[type, ...]] = {
    ("string", None): str,
    ("long", None): int,
    ("double", None): (int, float),
    ("boolean", None): bool,
    ("bytes", None): bytes,
    ("bytes", "decimal"): Decimal,
    ("null", None): type(None),
}


def _wrong(shape: Shape, value: Any, path: str) -> tuple[str, str] | None:
    match shape:
        case Object(fields=fields, open=is_open):
            if not isinstance(value, dict):
                return path, f"a record is expected, not a {type(value).__name__}"
            for name, entry in fields.items():
                inner = f"{path}.{name}" if path else name
                if name not in value:
                    if entry.required:
                        return inner, "the field is missing"
                elif (wrong := _wrong(entry.shape, value[name], inner)) is not None:
                    return wrong
            extra = next((name for name in value if name not in fields), None)
            return None if is_open or extra is None else (f"{path}.{extra}" if path else extra, "is not in the schema")
        case Array(items=items):
            if not isinstance(value, list):
                return path, f"an array is expected, not a {type(value).__name__}"
            return next(filter(None, (_wrong(items, part, f"{path}[{i}]") for i, part in enumerate(value))), None)
        case Map(values=values):
            if not isinstance(value, dict):
                return path, f"a map is expected, not a {type(value).__name__}"
            return next(filter(None, (_wrong(values, part, f"{path}{{{key}}}") for key, part in value.items())), None)
        case Union(branches=branches):
            wrongs = [_wrong(branch, value, path) for branch in branches]
            return None if None in wrongs else wrongs[-1]
        case Enum(symbols=symbols):
            return None if value in symbols else (path, f"one of {', '.join(map(str, symbols))} is expected")
        case Scalar(kind=kind, logical=logical):
            fits = isinstance(value, _PYTHON[kind, logical]) and (kind == "boolean" or not isinstance(value, bool))
            return None if fits else (path, f"a {logical or kind} is expected, not a {type(value).__name__}")
    raise AssertionError(shape)


def _draw(shape: Shape, random: Random) -> Any:
    match shape:
        case Object(fields=fields):
            return {
                name: _draw(entry.shape, random)
                for name, entry in fields.items()
                if entry.required or random.random() < 0.5
            }
        case Array(items=items):
            return [_draw(items, random) for _ in range(random.choice((0, 1, 2, 5)))]
        case Map(values=values):
            return {random.choice("abc xyz"): _draw(values, random) for _ in range(random.choice((0, 1, 3)))}
        case Union(branches=branches):
            return _draw(random.choice(branches), random)
        case Enum(symbols=symbols):
            return random.choice(symbols)
        case Scalar(kind="string"):
            return "".join(random.choices(string.ascii_letters, k=random.choice((0, 1, 8))))
        case Scalar(kind="long"):
            return random.choice((0, 1, -1, random.randrange(-(2**63), 2**63)))
        case Scalar(kind="double"):
            return random.choice((0.0, -0.0, 1.5, random.uniform(-1e9, 1e9)))
        case Scalar(kind="boolean"):
            return random.random() < 0.5
        case Scalar(kind="bytes", logical="decimal"):
            return Decimal(random.randrange(-(10**6), 10**6)).scaleb(-2)
        case Scalar(kind="bytes"):
            return random.randbytes(random.choice((0, 1, 16)))
        case Scalar(kind="null"):
            return None
    raise AssertionError(shape)


def read_hop(source: str, *, subject: str = "orders", low: int = 1) -> Hop | list[Finding]:
    """A hop from the text of its file, executed and read as the project does it."""
    text = dedent(source).lstrip("\n")
    file = f"upcasters/{subject}/v{low}_to_v{low + 1}.py"
    namespace: dict[str, Any] = {"__name__": "hop"}
    exec(compile(text, file, "exec"), namespace)  # noqa: S102 - the test's own text
    return Hop.from_namespace(subject, low, low + 1, namespace, file=file, source=text)


def hop_of(source: str, *, subject: str = "orders", low: int = 1) -> Hop:
    hop = read_hop(source, subject=subject, low=low)
    assert isinstance(hop, Hop), hop
    return hop


def bound(source: str, before: Shape, after: Shape, *, low: int = 1) -> BoundHop:
    hop = bind(hop_of(source, low=low), ShapeSchema(before), ShapeSchema(after))
    assert isinstance(hop, BoundHop), hop
    return hop


def subject_of(shapes: Iterable[Shape], sources: Iterable[str], **parts: Any) -> Subject:
    """A sound subject: versions from 1 up, and the hops between them in order."""
    subject, found = build_subject(subject_parts(shapes, sources, **parts))
    assert subject is not None
    assert not found, found
    return subject


def subject_parts(shapes: Iterable[Shape], sources: Iterable[str], **parts: Any) -> SubjectParts:
    return SubjectParts(
        parts.pop("name", "orders"),
        [(version, ShapeSchema(shape)) for version, shape in enumerate(shapes, start=1)],
        [hop_of(source, low=low) for low, source in enumerate(sources, start=1)],
        **parts,
    )


def codes(found: Iterable[Finding]) -> set[str]:
    return {finding.code for finding in found}


def draws(shape: Shape, count: int = 60, seed: int = 7) -> list[Any]:
    random = Random(seed)
    return [_draw(shape, random) for _ in range(count)]


def with_default(shape: Shape, default: Any) -> Field:
    return Field(shape, default=default)


def optional(shape: Shape) -> Field:
    return Field(shape, required=False, default=MISSING)
