"""Decoded values of any shape, drawn by Hypothesis, and a schema that is nothing but a shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from instar.core.finding import Finding
from instar.core.formats.schema import Kind
from instar.core.formats.shape import Array, Enum, Field, Map, Object, Opaque, Ref, Scalar, Shape, Union
from instar.core.record import Context
from instar.core.rejected import HOP_OUTPUT_INVALID, Rejected
from instar.core.upcasting.hop import BoundHop, Hop, bind
from instar.core.upcasting.laws import check_laws
from instar.core.upcasting.membership import fits, holds_pairs, is_avro, name_of
from instar.core.upcasting.operation import Operation
from instar.core.upcasting.value import copy_of

_MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def values_of(shape: Shape, enclosing: Mapping[str, st.SearchStrategy[Any]] | None = None) -> st.SearchStrategy[Any]:
    """Values of a shape as its codec would decode them; fields that are not named are not invented."""
    return _values(shape, is_avro(shape), dict(enclosing or {}))


def _values(shape: Shape, avro: bool, around: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    match shape:
        case Scalar():
            return _scalar(shape, avro)
        case Enum(symbols=symbols):
            return st.sampled_from(symbols)
        case Array(items=items):
            longest = 1 if isinstance(items, Ref) else 3  # or a recursive record would seldom end
            return st.lists(_values(items, avro, around), max_size=longest)
        case Map(values=values):
            return st.dictionaries(st.text(max_size=3), _values(values, avro, around), max_size=3)
        case Union(branches=branches):
            pairs = avro and holds_pairs(shape)
            return st.one_of([_branch(branch, avro, around, pairs) for branch in branches])
        case Object():
            if shape.name is None:
                return _record(shape, avro, around)
            around[shape.name] = st.deferred(lambda: own)
            own = _record(shape, avro, {**around})
            return own
        case Ref(name=name):
            return around[name]
        case Opaque():
            return st.one_of(st.none(), st.integers(), st.text(max_size=3))


def _record(shape: Object, avro: bool, around: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    parts = {name: _values(field.shape, avro, around) for name, field in shape.fields.items()}
    return st.fixed_dictionaries(
        {name: parts[name] for name, field in shape.fields.items() if field.required},
        optional={name: parts[name] for name, field in shape.fields.items() if not field.required},
    )


def _branch(
    branch: Shape, avro: bool, around: dict[str, st.SearchStrategy[Any]], pairs: bool
) -> st.SearchStrategy[Any]:
    values = _values(branch, avro, around)
    name = name_of(branch)
    return st.tuples(st.just(name), values) if pairs and name else values


def _scalar(shape: Scalar, avro: bool) -> st.SearchStrategy[Any]:
    known = dict(shape.constraints)
    if avro and shape.logical == "decimal":
        bound = 10 ** known.get("precision", 9) - 1
        scale = known.get("scale", 0)
        return st.integers(-bound, bound).map(lambda unscaled: Decimal(unscaled).scaleb(-scale))
    if avro and shape.logical == "timestamp-micros":
        return _MOMENTS
    if avro and shape.logical == "timestamp-millis":
        return _MOMENTS.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
    if avro and shape.logical == "date":
        return st.dates()
    if avro and shape.logical == "uuid":
        return st.uuids()
    if shape.logical == "date-time":
        return _MOMENTS.map(lambda moment: moment.isoformat())
    if shape.logical == "uuid":
        return st.uuids().map(str)
    return {
        "null": st.none(),
        "boolean": st.booleans(),
        "int": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "integer": st.integers(),
        "float": st.floats(width=32, allow_nan=False),
        "double": st.floats(allow_nan=False),
        "number": st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
        "string": st.text(max_size=6),
        "bytes": st.binary(max_size=6),
        "fixed": st.binary(min_size=known.get("size", 4), max_size=known.get("size", 4)),
    }[shape.kind]


@dataclass(frozen=True, slots=True)
class FittingSchema:
    """Just enough of a schema for hops and laws: a shape, and whether a value is of it."""

    shape: Shape

    @property
    def kind(self) -> Kind:
        return "avro" if is_avro(self.shape) else "json"

    @property
    def canonical(self) -> str:
        return repr(self.shape)

    @property
    def fingerprint(self) -> str:
        return self.canonical

    def decode(self, data: bytes) -> Any | Rejected:
        raise NotImplementedError

    def encode(self, value: Any) -> bytes | Rejected:
        raise NotImplementedError

    def problem(self, value: Any) -> Rejected | None:
        if fits(self.shape, avro=self.kind == "avro")(value):
            return None
        return Rejected(HOP_OUTPUT_INVALID, f"{value!r} is not a value of the schema")

    def sample(self, random: Random) -> Any:
        raise NotImplementedError


def bound_changes(before: Shape, after: Shape, *changes: Operation) -> BoundHop:
    """A hop of these changes, bound; fails with the findings when it cannot be."""
    hop = Hop("orders", 1, 2, "upcasters/orders/v1_to_v2.py", changes=changes)
    made = bind(hop, FittingSchema(before), FittingSchema(after))
    assert isinstance(made, BoundHop), made
    return made


def findings_of(before: Shape, after: Shape, *changes: Operation) -> list[Finding]:
    """What binding these changes finds: errors, or the warnings and notes of a hop that is bound."""
    hop = Hop("orders", 1, 2, "upcasters/orders/v1_to_v2.py", changes=changes)
    made = bind(hop, FittingSchema(before), FittingSchema(after))
    return list(made.findings) if isinstance(made, BoundHop) else made


def up(hop: BoundHop, value: Any) -> Any:
    """What a record becomes, or the rejection."""
    made = hop.up(copy_of(value), Context())
    return made if isinstance(made, Rejected) else made[0]


def down(hop: BoundHop, value: Any) -> Any:
    made = hop.down(copy_of(value), Context())
    return made if isinstance(made, Rejected) else made[0]


def broken_laws(before: Shape, after: Shape, olds: list[Any], news: list[Any], *changes: Operation) -> list[Finding]:
    """What the laws find in a hop of these changes, on these values of the two versions.

    Values that never return all of what they lost are no finding here: a few draws prove no loss needless.
    """
    hop = bound_changes(before, after, *changes)
    return [
        finding
        for finding in check_laws(hop, FittingSchema(before), FittingSchema(after), olds, news)
        if finding.severity == "error" and finding.code != "never-works"
    ]


def assert_lawful(
    before: Shape,
    after: Shape,
    *changes: Operation,
    olds: st.SearchStrategy[Any] | None = None,
    news: st.SearchStrategy[Any] | None = None,
    examples: int = 50,
) -> BoundHop:
    """Hold a hop of these changes to the laws, on values drawn of both versions' shapes; returns the hop."""

    @settings(max_examples=examples, deadline=None, database=None)
    @given(
        st.lists(olds if olds is not None else values_of(before), min_size=1, max_size=3),
        st.lists(news if news is not None else values_of(after), min_size=1, max_size=3),
    )
    def run(old_values: list[Any], new_values: list[Any]) -> None:
        assert broken_laws(before, after, old_values, new_values, *changes) == []

    run()
    return bound_changes(before, after, *changes)


def misfit(before: Shape, after: Shape, *changes: Operation) -> Finding:
    """The one error that binding these changes finds."""
    errors = [finding for finding in findings_of(before, after, *changes) if finding.severity == "error"]
    assert len(errors) == 1, errors
    return errors[0]


def avro(name: str = "Order", /, **fields: Shape | Field) -> Object:
    """An Avro record."""
    return Object({key: part if isinstance(part, Field) else Field(part) for key, part in fields.items()}, name)


def json(*, is_open: bool = False, **fields: Shape | Field) -> Object:
    """A JSON object; all its fields are required unless a Field says otherwise."""
    return Object(
        {key: part if isinstance(part, Field) else Field(part) for key, part in fields.items()}, None, is_open
    )
