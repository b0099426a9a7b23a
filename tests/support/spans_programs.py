"""Subjects with hops of changes over Avro schemas, drawn at random, and bytes to try them with: good and bad ones."""

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from instar.changes import (
    add,
    allow_null,
    compute,
    convert,
    drop,
    inside,
    map_values,
    merge,
    move,
    rename,
    rename_type,
    split,
)
from instar.core.formats.avro import AvroSchema, parse_avro
from instar.core.rejected import Rejected
from instar.core.subject import Subject, SubjectParts, build_subject
from instar.core.upcasting.hop import Hop

SCALARS: tuple[Any, ...] = (
    "string", "string", "string", "int", "long", "long", "boolean", "double", "float", "bytes", "null",
    {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "long", "logicalType": "local-timestamp-millis"},
    {"type": "long", "logicalType": "time-micros"},
    {"type": "int", "logicalType": "time-millis"},
    {"type": "int", "logicalType": "date"},
    {"type": "string", "logicalType": "uuid"},
)  # fmt: skip
CONVERSIONS: tuple[tuple[Any, str, Any], ...] = (
    ("long", "cents -> decimal", {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}),
    ("int", "cents -> decimal", {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 3}),
    ("long", "long -> int", "int"),
    ("int", "int -> long", "long"),
    ("int", "int -> double", "double"),
    ("long", "long -> string", "string"),
    ("string", "string -> long", "long"),
    ("string", "iso8601 -> timestamp-micros", {"type": "long", "logicalType": "timestamp-micros"}),
    ("double", "double -> float", "float"),
    ("long", "epoch-seconds -> timestamp-millis", {"type": "long", "logicalType": "timestamp-millis"}),
    ({"type": "long", "logicalType": "timestamp-micros"}, "timestamp-micros -> iso8601", "string"),
    ({"type": "long", "logicalType": "timestamp-micros"}, "timestamp-micros -> timestamp-millis",
     {"type": "long", "logicalType": "timestamp-millis"}),
    ("boolean", "boolean -> string", "string"),
    ("string", "string -> boolean", "boolean"),
)  # fmt: skip


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def picky_halves(text: str) -> list[str]:
    if "a" in text:
        raise ValueError(text)
    return [text[:1], text[1:]]


def odd_halves(text: str) -> tuple[str, ...]:
    return halves(text) if len(text) % 2 else (text, text, text)


def joined(first: str, second: str) -> str:
    return first + second


def picky_joined(first: str, second: str) -> Any:
    return first + second if first < second else len(first)


def told(*values: Any) -> str:
    """Of any values; it changes what it is given, which must change nobody else's."""
    text = repr(values)
    for value in values:
        if isinstance(value, list):
            value.append("spoilt")
        elif isinstance(value, dict):
            value["spoilt"] = value.pop(next(iter(value)), None)
    return text


def picky_told(*values: Any) -> Any:
    text = repr(values)
    if len(text) % 5 == 0:
        raise KeyError(text)
    return None if len(text) % 7 == 0 else text if len(text) % 11 else "\ud800"


def turned(value: Any) -> Any:
    if isinstance(value, str | bytes):
        return value[::-1]
    return value


def picky_turned(value: Any) -> Any:
    if isinstance(value, list):
        value.append(value[0] if value else None)
        return value
    return value + 1 if isinstance(value, int) else value


Field = dict[str, Any]


class Drawer:
    """Draws documents of neighbouring versions and the changes between them."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.count = 0

    def subject(self, hops: int) -> Subject | None:
        """A subject of ``hops`` hops; None where what was drawn does not fit together."""
        documents = [{"type": "record", "name": "Top", "namespace": "shop", "fields": self.fields(2)}]
        made: list[Hop] = []
        for version in range(1, hops + 1):
            document = copy.deepcopy(documents[-1])
            changes = [
                change for _ in range(self.random.randint(1, 5)) if (change := self.change(document)) is not None
            ]
            if self.random.random() < 0.5:
                self.rearrange(document)
            documents.append(document)
            made.append(Hop("drawn", version, version + 1, f"{version}.py", changes=tuple(changes)))
        schemas = [(at + 1, parse_avro(_named_once(document))) for at, document in enumerate(documents)]
        subject, findings = build_subject(SubjectParts("drawn", schemas, made))
        return None if any(finding.severity == "error" for finding in findings) else subject

    # ------------------------------------------------------------------------------------------ schemas

    def fields(self, depth: int) -> list[Field]:
        return [{"name": self.name(), "type": self.type(depth)} for _ in range(self.random.randint(1, 5))]

    def name(self) -> str:
        self.count += 1
        return f"f{self.count}"

    def type(self, depth: int) -> Any:
        kinds = ["scalar"] * 5 + ["enum", "fixed", "nullable"]
        kind = self.random.choice(kinds + ["array", "array", "record", "record", "map", "union", "tree"] * (depth > 0))
        match kind:
            case "enum":
                symbols = [f"S{number}" for number in range(self.random.choice([1, 3, 5, 70]))]
                return {"type": "enum", "name": f"T{self.name()}", "symbols": symbols}
            case "fixed":
                return {"type": "fixed", "name": f"T{self.name()}", "size": self.random.choice([0, 2, 16])}
            case "nullable":
                inner = self.type(depth - 1)
                plain = isinstance(inner, list) or inner == "null"
                return inner if plain else self.random.choice([["null", inner], [inner, "null"]])
            case "array":
                return {"type": "array", "items": self.type(depth - 1)}
            case "map":
                return {"type": "map", "values": self.type(depth - 1)}
            case "record":
                return {"type": "record", "name": f"T{self.name()}", "fields": self.fields(depth - 1)}
            case "union":
                options = ["string", "long", "double", {"type": "enum", "name": f"T{self.name()}", "symbols": ["a"]}]
                options.append({"type": "record", "name": f"T{self.name()}", "fields": self.fields(0)})
                return self.random.sample(options, self.random.randint(2, 5))
            case "tree":
                name = f"T{self.name()}"
                inner = {"name": self.name(), "type": {"type": "array", "items": name}}
                return {"type": "record", "name": name, "fields": [{"name": self.name(), "type": "string"}, inner]}
        return copy.deepcopy(self.random.choice(SCALARS))

    # ------------------------------------------------------------------------------------------ changes

    def records(self, record: Field, path: str = "") -> Iterator[tuple[str, Field]]:
        """The records that changes can reach, with their paths: ``""``, ``address``, ``items[]``."""
        yield path, record
        for field in record["fields"]:
            inner, at = field["type"], f"{path}.{field['name']}" if path else field["name"]
            while isinstance(inner, dict) and inner.get("type") == "array":
                inner, at = inner["items"], f"{at}[]"
            if isinstance(inner, list) and self.random.random() < 0.5:
                inner = next((branch for branch in inner if isinstance(branch, dict)), inner)
            if isinstance(inner, dict) and inner.get("type") == "record":
                yield from self.records(inner, at)

    def rearrange(self, document: Field) -> None:
        """What no change needs to say: another order of fields, symbols and branches, and room for more digits."""
        for _, record in list(self.records(document)):
            if self.random.random() < 0.5:
                self.random.shuffle(record["fields"])
            for field in record["fields"]:
                kind = field["type"]
                if isinstance(kind, list):
                    self.random.shuffle(kind)
                elif isinstance(kind, dict) and kind["type"] == "enum":
                    self.random.shuffle(kind["symbols"])
                elif isinstance(kind, dict) and kind.get("logicalType") == "decimal" and self.random.random() < 0.5:
                    kind["precision"] += 4

    def change(self, document: Field) -> Any:
        """A change of some record in the document, which is changed with it."""
        places = list(self.records(document))
        path, record = self.random.choice(places)
        prefix = f"{path}." if path else ""
        if path and self.random.random() < 0.3:
            inner = [change for _ in range(2) if (change := self._of(record, "")) is not None]
            return inside(path, inner)
        return self._of(record, prefix)

    def _of(self, record: Field, prefix: str) -> Any:
        verb: Callable[[Field, str], Any] = self.random.choice(
            [
                self._rename, self._move, self._move, self._add, self._drop, self._split, self._merge, self._compute,
                self._compute, self._convert, self._convert, self._function, self._map_values, self._allow_null,
                self._rename_type,
            ]
        )  # fmt: skip
        return verb(record, prefix)

    def _some(self, record: Field, wanted: Callable[[Any], bool] = lambda _: True) -> Field | None:
        found = [field for field in record["fields"] if wanted(field["type"])]
        return self.random.choice(found) if found else None

    def _rename(self, record: Field, prefix: str) -> Any:
        field = self._some(record)
        if field is None:
            return None
        old, field["name"] = field["name"], self.name()
        return rename(prefix + old, field["name"] if self.random.random() < 0.5 else prefix + field["name"])

    def _move(self, record: Field, prefix: str) -> Any:
        field = self._some(record)
        if field is None:
            return None
        target = self._some(record, lambda kind: isinstance(kind, dict) and kind["type"] == "record")
        record["fields"].remove(field)
        if target is not None and target is not field and self.random.random() < 0.7:
            if self.random.random() < 0.5 and target["type"]["fields"]:  # out of it instead
                record["fields"].append(field)
                inner = self.random.choice(target["type"]["fields"])
                target["type"]["fields"].remove(inner)
                record["fields"].append(inner)
                if not target["type"]["fields"]:
                    record["fields"].remove(target)
                return move(f"{prefix}{target['name']}.{inner['name']}", prefix + inner["name"])
            target["type"]["fields"].append(field)
            return move(prefix + field["name"], f"{prefix}{target['name']}.{field['name']}")
        kind: Any = {"type": "record", "name": f"T{self.name()}", "fields": [field]}
        made = {"name": self.name(), "type": kind}
        record["fields"].append(made)
        return move(prefix + field["name"], f"{prefix}{made['name']}.{field['name']}")

    def _add(self, record: Field, prefix: str) -> Any:
        inner = {"type": "record", "name": f"T{self.name()}", "fields": [{"name": "x", "type": "long"}]}
        enum = {"type": "enum", "name": f"T{self.name()}", "symbols": ["A", "B"]}
        kind, default = self.random.choice(
            [
                ("string", "x"), ("long", -77), (enum, "B"), (["null", "string"], None), (inner, {"x": 5}),
                ({"type": "array", "items": "string"}, ["a", "b"]), ({"type": "array", "items": inner}, [{"x": 1}]),
                ({"type": "map", "values": "long"}, {"k": 1}), ("double", 0.5), ("boolean", True),
                (["long", "null"], 3),
            ]
        )  # fmt: skip
        field = {"name": self.name(), "type": kind, "default": default}
        record["fields"].insert(self.random.randint(0, len(record["fields"])), field)
        return add(prefix + field["name"])

    def _drop(self, record: Field, prefix: str) -> Any:
        field = self._some(record)
        if field is None or len(record["fields"]) < 2:
            return None
        record["fields"].remove(field)
        known: dict[Any, Any] = {"string": "gone", "long": 7, "int": 7, "boolean": False, "null": None, "double": 0.0}
        kind = field["type"]
        if isinstance(kind, str) and kind in known:
            restore = known[kind] if self.random.random() < 0.7 else lambda _record: known[kind]
            return drop(prefix + field["name"], restore=restore)
        if isinstance(kind, dict) and kind["type"] == "array":
            return drop(prefix + field["name"], restore=[])
        nullable = isinstance(kind, list) and "null" in kind
        return drop(prefix + field["name"], restore=None) if nullable else drop(prefix + field["name"])

    def _split(self, record: Field, prefix: str) -> Any:
        field = self._some(record, lambda kind: kind == "string" or kind == ["null", "string"])
        if field is None:
            return None
        record["fields"].remove(field)
        kind = field["type"]
        names = [self.name(), self.name()]
        if self.random.random() < 0.5:
            parts = [{"name": name, "type": kind} for name in names]
            record["fields"].append(
                {"name": "in" + names[0], "type": {"type": "record", "name": f"T{self.name()}", "fields": parts}}
            )
            names = [f"in{names[0]}.{name}" for name in names]
        else:
            record["fields"] += [{"name": name, "type": kind} for name in names]
        up = self.random.choice([halves, halves, picky_halves, odd_halves])
        return split(prefix + field["name"], [prefix + name for name in names], up=up, down=joined)

    def _merge(self, record: Field, prefix: str) -> Any:
        texts = [field for field in record["fields"] if field["type"] == "string"]
        if len(texts) < 2:
            return None
        pair = self.random.sample(texts, 2)
        for field in pair:
            record["fields"].remove(field)
        record["fields"].append(made := {"name": self.name(), "type": "string"})
        up = self.random.choice([joined, joined, picky_joined])
        return merge([prefix + field["name"] for field in pair], prefix + made["name"], up=up, down=halves)

    def _compute(self, record: Field, prefix: str) -> Any:
        reads: list[str] = []
        for field in self.random.sample(record["fields"], min(len(record["fields"]), self.random.randint(0, 3))):
            path, inner = field["name"], field["type"]
            while isinstance(inner, dict) and self.random.random() < 0.6:
                if inner["type"] == "array":
                    path, inner = f"{path}[]", inner["items"]
                elif inner["type"] == "record" and inner["fields"]:
                    deeper = self.random.choice(inner["fields"])
                    path, inner = f"{path}.{deeper['name']}", deeper["type"]
                else:
                    break
            reads.append(prefix + path)
        made = {"name": self.name(), "type": "string"}
        record["fields"].append(made)
        return compute(prefix + made["name"], reads=reads, up=self.random.choice([told, told, picky_told]))

    def _convert(self, record: Field, prefix: str) -> Any:
        options = [
            (field, how, after)
            for field in record["fields"]
            for before, how, after in CONVERSIONS
            if field["type"] in (before, ["null", before])
        ]
        if not options:
            return None
        field, how, after = self.random.choice(options)
        field["type"] = ["null", after] if isinstance(field["type"], list) else after
        return convert(prefix + field["name"], how)

    def _function(self, record: Field, prefix: str) -> Any:
        field = self._some(record)
        if field is None:
            return None
        path = prefix + field["name"]
        kind = field["type"]
        if isinstance(kind, dict) and kind["type"] == "array" and self.random.random() < 0.5:
            path += "[]"
        return convert(path, up=self.random.choice([turned, turned, picky_turned]), down=turned)

    def _map_values(self, record: Field, prefix: str) -> Any:
        field = self._some(record, lambda kind: isinstance(kind, dict) and kind["type"] == "enum")
        if field is None:
            return None
        symbols = field["type"]["symbols"]
        changed = f"N{self.name()}"
        field["type"] = {**field["type"], "symbols": [*self.random.sample(symbols[1:], len(symbols) - 1), changed]}
        return map_values(prefix + field["name"], {symbols[0]: changed})

    def _allow_null(self, record: Field, prefix: str) -> Any:
        field = self._some(record, lambda kind: not isinstance(kind, list) and kind != "null")
        if field is None:
            return None
        field["type"] = self.random.choice([["null", field["type"]], [field["type"], "null"]])
        return allow_null(prefix + field["name"])

    def _rename_type(self, record: Field, _prefix: str) -> Any:
        field = self._some(record, lambda kind: isinstance(kind, dict) and "name" in kind)
        if field is None or _prefix.count("."):
            return None
        old, new = field["type"]["name"], f"T{self.name()}"
        field["type"] = {**field["type"], "name": new}
        return rename_type(f"shop.{old}", f"shop.{new}")


def _named_once(document: Any) -> Any:
    """The document with each named type in full only where it first stands."""
    seen: set[str] = set()

    def walk(part: Any) -> Any:
        if isinstance(part, list):
            return [walk(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "name" in part and part.get("type") in ("record", "enum", "fixed"):
            if part["name"] in seen:
                return part["name"]
            seen.add(part["name"])
        return {key: value if key in ("default", "symbols") else walk(value) for key, value in part.items()}

    return walk(document)


def bodies(schema: AvroSchema, random: Random, count: int) -> Iterator[bytes]:
    """Encodings of values of the schema, some of them as they are and some damaged."""
    for _ in range(count):
        good = schema.encode(schema.sample(random))
        if isinstance(good, Rejected):
            continue
        yield good
        yield damaged(good, random)


def damaged(data: bytes, random: Random) -> bytes:
    """The bytes with something wrong, or at least unusual."""
    at = random.randint(0, len(data))
    byte = bytes([random.choice([0, 1, 2, 3, 4, 126, 127, 128, 129, 254, 255, random.randrange(256)])])
    match random.randrange(6):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + byte + data[at:]
        case 2:
            return data + byte
        case 3:
            return random.randbytes(random.randint(0, 20))
        case 4 if at < len(data):
            return data[:at] + bytes([data[at] | 128, 0]) + data[at + 1 :]  # longer than it needs to be
    return data[:at] + byte + data[at + 1 :]
