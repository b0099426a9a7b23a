"""Pairs of Avro and JSON schemas as people change them, with what was renamed and moved known.

The names are of the kind that event schemas have. A rename is drawn from what people do: another way of writing, an
abbreviation or its full word, a word more or less, a synonym, or a name that has nothing to do with the old one.
"""

import copy
from dataclasses import dataclass, field
from random import Random
from typing import Any

from instar.core.formats.avro import parse_avro
from instar.core.formats.json_schema import parse_json
from instar.core.formats.schema import Schema

_WORDS = (
    "id customer_id order_number email phone_number first_name last_name street city zip_code country created_at "
    "updated_at status quantity unit_price total_amount currency description is_active tax_rate weight_grams "
    "invoice_date due_date channel language session_id user_agent ip_address retry_count latitude longitude "
    "department manager_id start_time end_time duration_ms file_name checksum priority category brand color size "
    "discount_code shipping_method tracking_number comment rating attempts device_type app_version"
)
NAMES = _WORDS.split()
ABBREVIATED = {
    "quantity": "qty", "description": "desc", "number": "num", "amount": "amt", "address": "addr", "customer": "cust",
    "department": "dept", "message": "msg", "category": "cat", "country": "ctry", "attempts": "tries",
}  # fmt: skip
SYNONYMS = {
    "email": "mail_address", "city": "town", "zip_code": "postal_code", "comment": "remark", "channel": "origin",
    "status": "state", "brand": "maker", "color": "hue", "rating": "stars", "manager_id": "boss_id",
    "created_at": "creation_time", "total_amount": "grand_total", "tracking_number": "parcel_code",
}  # fmt: skip
UNRELATED = ("alpha", "blob", "extra", "flag9", "legacy_ref", "marker", "note2", "payload_x", "token", "zone_key")
TYPES = ("string", "string", "string", "long", "int", "double", "boolean", "bytes")
DEFAULTS: dict[str, Any] = {"string": "", "long": 0, "int": 0, "double": 0.0, "boolean": False, "bytes": ""}
RECORDS = ("address", "contact", "delivery", "payment")


@dataclass
class Evolved:
    """One pair of documents. ``renamed`` and ``moved`` are the truth, as (old path, new path)."""

    kind: str
    before: dict[str, Any]
    after: dict[str, Any]
    renamed: set[tuple[str, str]] = field(default_factory=set)
    moved: set[tuple[str, str]] = field(default_factory=set)

    def schemas(self) -> tuple[Schema, Schema]:
        if self.kind == "avro":
            return parse_avro(self.before), parse_avro(self.after)
        return parse_json(_json(self.before)), parse_json(_json(self.after))


def evolved(seed: int) -> Evolved:
    """One pair, the same for the same seed."""
    random = Random(f"evolving/{seed}")
    names = random.sample(NAMES, random.randint(4, 12))
    fields = [_field(name, random) for name in names]
    before = {"type": "record", "name": "Event", "namespace": "shop", "fields": fields}
    made = Evolved(random.choice(["avro", "avro", "json"]), before, copy.deepcopy(before))
    prefix = ""
    target = made.after["fields"]
    if random.random() < 0.3:  # all of it inside of an array's elements
        prefix = "items[]."
        for document in (made.before, made.after):
            inner = {"type": "record", "name": "Item", "namespace": "shop", "fields": document["fields"]}
            document["fields"] = [{"name": "items", "type": {"type": "array", "items": inner}}]
    _drop_some(target, random)
    _rename_some(target, prefix, made, random)
    _move_some(target, prefix, made, random)
    _add_some(target, names, random)
    return made


def _field(name: str, random: Random) -> dict[str, Any]:
    kind = random.choice(TYPES)
    made: dict[str, Any] = {"name": name, "type": kind}
    if random.random() < 0.25:
        made = {"name": name, "type": ["null", kind], "default": None}
    elif random.random() < 0.3:
        made["default"] = DEFAULTS[kind]
    return made


def _drop_some(fields: list[dict[str, Any]], random: Random) -> None:
    for _ in range(random.choice([0, 0, 1, 2])):
        if len(fields) > 2:
            fields.pop(random.randrange(len(fields)))


def _rename_some(fields: list[dict[str, Any]], prefix: str, made: Evolved, random: Random) -> None:
    for each in random.sample(fields, min(len(fields), random.choice([0, 1, 1, 2, 3]))):
        old = each["name"]
        new = _other_name(old, random)
        if any(other["name"] == new for other in fields) or new == old:
            continue
        each["name"] = new
        made.renamed.add((prefix + old, prefix + new))
        if random.random() < 0.15:  # a renamed field that also stands elsewhere now
            fields.remove(each)
            fields.insert(random.randrange(len(fields) + 1), each)


def _other_name(name: str, random: Random) -> str:
    words = name.split("_")
    options = ["case", "more", "unrelated"]
    if any(word in ABBREVIATED for word in words):
        options += ["short", "short"]
    if len(words) > 1:
        options.append("fewer")
    if name in SYNONYMS:
        options += ["synonym", "synonym"]
    match random.choice(options):
        case "case":
            return words[0] + "".join(word.capitalize() for word in words[1:]) if len(words) > 1 else name + "s"
        case "short":
            return "_".join(ABBREVIATED.get(word, word) for word in words)
        case "fewer":
            return "_".join(words[1:] if random.random() < 0.5 else words[:-1])
        case "synonym":
            return SYNONYMS[name]
        case "more":
            return random.choice(["main", "current", "order", "event"]) + "_" + name
        case _:
            return random.choice(UNRELATED)


def _move_some(fields: list[dict[str, Any]], prefix: str, made: Evolved, random: Random) -> None:
    if random.random() < 0.7 or len(fields) < 4:
        return
    home = random.choice([name for name in RECORDS if all(each["name"] != name for each in fields)])
    free = [each for each in fields if not any(prefix + each["name"] == new for _, new in made.renamed)]
    taken = random.sample(free, min(len(free), random.choice([1, 2, 3])))
    if not taken:
        return
    inner = []
    for each in taken:
        fields.remove(each)
        made.moved.add((prefix + each["name"], f"{prefix}{home}.{each['name']}"))
        inner.append(each)
    record = {"type": "record", "name": home.capitalize(), "namespace": "shop", "fields": inner}
    fields.insert(random.randrange(len(fields) + 1), {"name": home, "type": record})


def _add_some(fields: list[dict[str, Any]], taken: list[str], random: Random) -> None:
    fresh = [name for name in NAMES if name not in taken]
    for name in random.sample(fresh, random.choice([0, 1, 1, 2])):
        if all(each["name"] != name for each in fields):
            fields.insert(random.randrange(len(fields) + 1), _field(name, random))


_PLAIN = {"string": "string", "bytes": "string", "long": "integer", "int": "integer", "double": "number"}


def _json(document: Any) -> dict[str, Any]:
    """The same record as a closed JSON schema; a nullable field is an optional one that may be null."""
    match document:
        case {"type": "record", "fields": fields}:
            required = [each["name"] for each in fields if "default" not in each]
            properties = {each["name"]: _property(each) for each in fields}
            closed = {"properties": properties, "required": required, "additionalProperties": False}
            return {"type": "object", **closed}
        case {"type": "array", "items": items}:
            return {"type": "array", "items": _json(items)}
        case ["null", str(kind)]:
            return {"type": ["null", _PLAIN.get(kind, kind)]}
        case str(kind):
            return {"type": _PLAIN.get(kind, kind)}
    raise AssertionError(document)


def _property(each: dict[str, Any]) -> dict[str, Any]:
    made = _json(each["type"])
    return {**made, "default": each["default"]} if "default" in each else made
