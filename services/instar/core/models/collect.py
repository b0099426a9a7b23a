"""The classes that a shape needs: every record and enumeration once, those that others use first."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from instar.core.formats.shape import (
    MISSING,
    Array,
    Enum,
    Field,
    Map,
    Object,
    Opaque,
    Ref,
    Scalar,
    Shape,
    Union,
    without_null,
)
from instar.core.models.names import class_name, symbol_names
from instar.core.models.notes import Notes, Place
from instar.core.models.text import literal, quoted
from instar.core.upcasting.defaults import default_value
from instar.core.upcasting.membership import fits, holds_pairs, name_of

# What a codec yields (``schema.Schema``), as annotations. Pydantic's own names say whether a time has a zone.
_AVRO: Final = {
    "null": "None", "boolean": "bool", "int": "int", "long": "int", "float": "float", "double": "float",
    "bytes": "bytes", "string": "str", "fixed": "bytes",
}  # fmt: skip
_LOGICAL: Final = {
    ("string", "uuid"): "UUID",
    ("fixed", "uuid"): "UUID",
    ("int", "date"): "dt.date",
    ("int", "time-millis"): "dt.time",
    ("long", "time-micros"): "dt.time",
    ("long", "timestamp-millis"): "AwareDatetime",
    ("long", "timestamp-micros"): "AwareDatetime",
    ("long", "local-timestamp-millis"): "NaiveDatetime",
    ("long", "local-timestamp-micros"): "NaiveDatetime",
}
_JSON: Final = {"null": "None", "boolean": "bool", "integer": "int", "string": "str"}
_NUMBER: Final = "int | float | Decimal"  # what exact reading makes of a JSON number
_LONG_LITERAL_CHARS: Final = 80


@dataclass(slots=True)
class EnumClass:
    name: str
    doc: str
    symbols: tuple[str, ...]


@dataclass(slots=True)
class Alias:
    """A set of strings that is too long to stand where it is used."""

    name: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelField:
    """``wire`` is the name in the record; ``default`` is an expression, None for a field that must be given."""

    wire: str
    annotation: str
    default: str | None
    doc: str


@dataclass(slots=True)
class ModelClass:
    name: str
    doc: str
    is_open: bool
    fields: list[ModelField] = field(default_factory=list)


@dataclass(slots=True)
class Collected:
    """``root`` is the annotation of the whole record; ``classes`` are in an order in which Python can read them."""

    root: str = ""
    classes: list[EnumClass | Alias | ModelClass] = field(default_factory=list)


def collect(shape: Shape, notes: Notes, subject: str, *, avro: bool) -> Collected:
    """Walk the shape. ``subject`` names the record where its schema does not."""
    collector = _Collector(notes, avro)
    root = collector.annotation(shape, notes.root, subject)
    return Collected(root, collector.classes)


class _Collector:
    def __init__(self, notes: Notes, avro: bool) -> None:
        self.classes: list[EnumClass | Alias | ModelClass] = []
        self._notes = notes
        self._avro = avro
        self._taken: set[str] = set()
        self._by_name: dict[str, str] = {}  # Avro's named types and recursive objects
        self._by_shape: list[tuple[Shape, str]] = []  # JSON's objects have no names: equal ones are one class

    def annotation(self, shape: Shape, place: Place, hint: str) -> str:
        """The type of a shape's values. ``hint`` is what a class is called after that has no name of its own."""
        match shape:
            case Scalar():
                return self._scalar(shape)
            case Enum():
                return self._enum(shape, place, hint)
            case Array(items):
                return f"list[{self.annotation(items, self._notes.inner(place), _singular(hint))}]"
            case Map(values):
                return f"dict[str, {self.annotation(values, self._notes.inner(place), _singular(hint))}]"
            case Union():
                return self._union(shape, place, hint)
            case Object():
                return self._object(shape, place, hint)
            case Ref(name):
                return self._by_name[name]
            case Opaque():
                return "Any"

    def _scalar(self, shape: Scalar) -> str:
        if not self._avro:
            return _JSON.get(shape.kind, _NUMBER)
        known = dict(shape.constraints)
        if shape.logical == "decimal":
            digits = f"max_digits={int(known['precision'])}, decimal_places={int(known.get('scale', 0))}"
            return f"Annotated[Decimal, Field({digits})]"
        logical = _LOGICAL.get((shape.kind, shape.logical or ""))
        if logical is not None:
            return logical
        if shape.kind == "fixed":
            size = int(known["size"])
            return f"Annotated[bytes, Field(min_length={size}, max_length={size})]"
        return _AVRO[shape.kind]

    # ------------------------------------------------------------------ enumerations

    def _enum(self, shape: Enum, place: Place, hint: str) -> str:
        if self._avro:
            name = shape.name or hint
            if name not in self._by_name:
                self._by_name[name] = self._name(name.rpartition(".")[2])
                doc = self._notes.of_type(name, place)
                self.classes.append(EnumClass(self._by_name[name], doc, tuple(map(str, shape.symbols))))
            return self._by_name[name]
        return " | ".join(dict.fromkeys(self._constants(shape.symbols, place, hint)))

    def _constants(self, symbols: tuple[Any, ...], place: Place, hint: str) -> Iterator[str]:
        """The types of a JSON enumeration's values: strings each for itself, others by their kind.

        1 and 1.0 are one value in JSON Schema and two in Python's ``Literal``, which has neither lists nor objects.
        """
        texts = tuple(each for each in symbols if isinstance(each, str))
        if texts:
            inline = f"Literal[{', '.join(map(quoted, texts))}]"
            yield inline if len(inline) <= _LONG_LITERAL_CHARS else self._alias(Enum(texts), place, hint)
        for each in symbols:
            match each:
                case str():
                    pass
                case bool():
                    yield "bool"
                case list():
                    yield "list[Any]"
                case dict():
                    yield "dict[str, Any]"
                case _:
                    yield _NUMBER

    def _alias(self, shape: Enum, place: Place, hint: str) -> str:
        known = self._known(shape)
        if known is None:
            known = self._name(self._notes.name(place) or hint)
            self._by_shape.append((shape, known))
            self.classes.append(Alias(known, shape.symbols))
        return known

    # ------------------------------------------------------------------ unions

    def _union(self, shape: Union, place: Place, hint: str) -> str:
        is_paired = self._avro and holds_pairs(shape)
        names: dict[str, str] = {}  # of classes, to the full names that tell them apart in a record
        parts: list[str] = []
        for branch in shape.branches:
            part = self.annotation(branch, place, hint)
            full_name = name_of(branch) if is_paired else None
            if full_name is not None and isinstance(branch, Scalar):
                part = f"tuple[Literal[{quoted(full_name)}], {part}]"  # bytes do not say of which type they are
            elif full_name is not None:
                names[part] = full_name
            parts.append(part)
        ordered = sorted(dict.fromkeys(parts), key=lambda part: part == "None")
        text = " | ".join(ordered)
        if not is_paired:
            return text
        pairs = ", ".join(f"{quoted(name)}: {quoted(full_name)}" for name, full_name in names.items())
        return f"Annotated[{text}, Branches({{{pairs}}})]"

    # ------------------------------------------------------------------ records

    def _object(self, shape: Object, place: Place, hint: str) -> str:
        known = self._by_name.get(shape.name) if shape.name is not None else self._known(shape)
        if known is not None:
            return known
        if self._avro and shape.name is not None:
            wanted = shape.name.rpartition(".")[2]
        else:
            wanted = self._notes.name(place) or hint
        name = self._name(wanted)
        if shape.name is not None:
            self._by_name[shape.name] = name
        made = ModelClass(name, self._notes.of_type(shape.name, place), shape.open)
        for wire, part in shape.fields.items():
            doc = self._notes.of_field(shape.name, wire, place)
            inner = self.annotation(part.shape, self._notes.field(wire, place), wire)
            made.fields.append(self._field(wire, part, inner, doc))
        if shape.name is None:
            self._by_shape.append((shape, name))
        self.classes.append(made)
        return name

    def _field(self, wire: str, part: Field, annotation: str, doc: str) -> ModelField:
        default = self._default(part)
        if default is None and not part.required:
            default = "None"  # absent
            if annotation != "Any" and not annotation.endswith("None"):
                annotation = f"{annotation} | None"
        return ModelField(wire, annotation, default, doc)

    def _default(self, part: Field) -> str | None:
        """The default as an expression; None where there is none, or none that the model would surely take."""
        if part.default is MISSING or (not self._avro and _holds_objects(part.shape)):
            return None
        value = default_value(part.shape, part.default, avro=self._avro)
        if value is MISSING or not fits(part.shape, avro=self._avro)(value):
            return None
        if value is None:
            return "None"
        if isinstance(value, list | dict) and not value and not isinstance(part.shape, Object):
            return f"Field(default_factory={type(value).__name__})"
        plain = without_null(part.shape)
        if isinstance(plain, Enum) and plain.name is not None and isinstance(value, str):
            return f"{self._by_name[plain.name]}.{symbol_names(map(str, plain.symbols))[value]}"
        # A type checker takes the literal as it stands, unless it is a whole number that is written as 1.0.
        if isinstance(plain, Scalar) and (self._avro or plain.kind != "integer" or isinstance(value, int)):
            return literal(value)
        return f"Field(default={literal(value)}, validate_default=True)"

    def _known(self, shape: Shape) -> str | None:
        return next((name for known, name in self._by_shape if known == shape), None)

    def _name(self, wanted: str) -> str:
        name = class_name(wanted, self._taken)
        self._taken.add(name)
        return name


def _holds_objects(shape: Shape) -> bool:
    match shape:
        case Object() | Ref() | Opaque():
            return True
        case Array(items=inner) | Map(values=inner):
            return _holds_objects(inner)
        case Union(branches):
            return any(map(_holds_objects, branches))
        case _:
            return False


def _singular(hint: str) -> str:
    """What one of several is called: ``items`` are each an ``item``, ``entries`` an ``entry``."""
    for ending, one in (("sses", "ss"), ("ies", "y")):
        if hint.endswith(ending) and len(hint) > len(ending) + 1:
            return hint.removesuffix(ending) + one
    return hint[:-1] if len(hint) > 3 and hint.endswith("s") and not hint.endswith(("ss", "us", "is")) else hint
