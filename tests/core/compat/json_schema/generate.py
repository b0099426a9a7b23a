"""Generated schemas, changes of schemas, and values for them.

The vocabulary is small on purpose: three member names, short strings, numbers around zero. Two generated schemas
then speak about the same things, and a value that tells them apart is likely to be found.
"""

import copy
from random import Random
from typing import Any

from hypothesis import strategies as st

NAMES = ["a", "b", "ab"]
NAME_PATTERNS = ["^a", "b$", "^b$", "^[ab]$"]
PATTERNS = ["^a", "^a+$", "^[ab]*$", "b$", "^.{1,2}$", "a|b", "^(a|b)c?$", "[0-9]"]
FORMATS = ["date", "ipv4", "uuid"]
WORDS = ["aaa", "aaaa", "bbb", "", "a", "b", "ab", "ba", "aa", "abc", "ac", "1", "a1", "2020-01-01", "127.0.0.1"]
SCALARS: list[Any] = [None, True, False, 0, 1, 2, 3, -1, 6, 0.5, 1.5, *WORDS]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
DRAFT_07 = "http://json-schema.org/draft-07/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"
DRAFTS = [DRAFT_07, DRAFT_2019, DRAFT_2020]

#: Keywords that speak about one type, so that a schema has several that work on each other.
FAMILIES = {
    "any": set[str](),
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "enum", "anyOf", "not"},
    "string": {"minLength", "maxLength", "pattern", "format", "enum", "oneOf", "not"},
    "array": {"items", "prefixItems", "additionalItems", "contains", "minContains", "maxContains", "minItems",
              "maxItems", "uniqueItems", "unevaluatedItems", "anyOf", "allOf", "$ref", "if", "then", "else"},
    "object": {"properties", "patternProperties", "additionalProperties", "required", "propertyNames", "minProperties",
               "maxProperties", "dependencies", "dependentRequired", "dependentSchemas", "unevaluatedProperties",
               "anyOf", "allOf", "oneOf", "$ref", "if", "then", "else"},
}  # fmt: skip

_small = st.integers(0, 3)
_bound = st.sampled_from([-1, 0, 1, 2, 3, 6, 0.5, 1.5])


def _scalar_keywords() -> dict[str, st.SearchStrategy[Any]]:
    return {
        "type": st.one_of(
            st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True)
        ),
        "enum": st.lists(st.sampled_from(SCALARS), min_size=1, max_size=4),
        "const": st.sampled_from(SCALARS),
        "minimum": _bound,
        "maximum": _bound,
        "exclusiveMinimum": _bound,
        "exclusiveMaximum": _bound,
        "multipleOf": st.sampled_from([1, 2, 3, 0.5, 1.5]),
        "minLength": _small,
        "maxLength": _small,
        "pattern": st.sampled_from(PATTERNS),
        "format": st.sampled_from(FORMATS),
        "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
        "minProperties": _small,
        "maxProperties": _small,
        "minItems": _small,
        "maxItems": _small,
        "uniqueItems": st.booleans(),
    }


def _nested_keywords(inner: st.SearchStrategy[Any], draft: str) -> dict[str, st.SearchStrategy[Any]]:
    several = st.lists(inner, min_size=1, max_size=3)
    part = st.one_of(inner, inner, inner, st.just({"$ref": "#"}))  # recursion through a part of the value
    members = st.dictionaries(st.sampled_from(NAMES), part, max_size=3)
    conditions = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    lists = st.dictionaries(
        st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=2, unique=True), max_size=2
    )
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "properties": members,
        "patternProperties": st.dictionaries(st.sampled_from(NAME_PATTERNS), inner, max_size=2),
        "additionalProperties": part,
        "propertyNames": st.fixed_dictionaries({"pattern": st.sampled_from(NAME_PATTERNS)}),
        "contains": inner,
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "$ref": st.sampled_from(["#/$defs/x", "#/$defs/y"]),
    }
    if draft == DRAFT_07:
        return keywords | {
            "items": st.one_of(part, several),
            "additionalItems": inner,
            "dependencies": st.one_of(lists, conditions),
            "$ref": st.sampled_from(["#/definitions/x", "#/definitions/y"]),
        }
    items: dict[str, st.SearchStrategy[Any]]
    if draft == DRAFT_2019:
        items = {"items": st.one_of(part, several), "additionalItems": inner}
    else:
        items = {"items": part, "prefixItems": several}
    return keywords | {
        **items,
        "minContains": _small,
        "maxContains": _small,
        "dependentRequired": lists,
        "dependentSchemas": conditions,
        "unevaluatedProperties": inner,
        "unevaluatedItems": inner,
    }


def _schema(draft: str, depth: int) -> st.SearchStrategy[Any]:
    keywords = _scalar_keywords()
    if depth:
        keywords |= _nested_keywords(_schema(draft, depth - 1), draft)

    @st.composite
    def build(draw: st.DrawFn) -> Any:
        if draw(st.integers(0, 19)) == 0:
            return draw(st.booleans())
        family = draw(st.sampled_from(sorted(FAMILIES)))
        known = sorted(keywords if family == "any" else keywords.keys() & FAMILIES[family])
        chosen = draw(st.lists(st.sampled_from(known), max_size=4, unique=True)) if known else []
        schema = {keyword: draw(keywords[keyword]) for keyword in chosen}
        if family != "any" and "type" not in schema and draw(st.integers(0, 3)):
            schema["type"] = family
        return schema

    return build()


def _focused(draft: str, family: str) -> st.SearchStrategy[Any]:
    """A schema of one type whose keywords all speak about that type, with small subschemas."""
    plain = st.sampled_from([True, False, {"type": "integer"}, {"type": "string"}, {"const": 1}, {"enum": [1, "a"]},
                             {"minimum": 1}, {"maxLength": 1}, {"type": ["integer", "null"]}])  # fmt: skip
    keywords = _scalar_keywords() | _nested_keywords(plain, draft)
    keywords = {name: keywords[name] for name in sorted(FAMILIES[family] & keywords.keys()) if name != "$ref"}

    @st.composite
    def build(draw: st.DrawFn) -> Any:
        chosen = draw(st.lists(st.sampled_from(list(keywords)), min_size=1, max_size=4, unique=True))
        return {"type": family, **{name: draw(keywords[name]) for name in chosen}}

    return build()


_FOCUSED = {(draft, family): _focused(draft, family) for draft in DRAFTS for family in sorted(set(FAMILIES) - {"any"})}
_SCHEMAS = {(draft, depth): _schema(draft, depth) for draft in DRAFTS for depth in (0, 1, 2)}


@st.composite
def schemas(draw: st.DrawFn, draft: str, depth: int = 2) -> Any:
    """A schema of a draft, with the definitions that its references may name."""
    schema = draw(_SCHEMAS[draft, depth])
    if not isinstance(schema, dict):
        return schema
    definitions = "definitions" if draft == DRAFT_07 else "$defs"
    holder = {"x": draw(_SCHEMAS[draft, 1]), "y": draw(_SCHEMAS[draft, 0])}
    return {"$schema": draft, definitions: holder, **schema}


@st.composite
def related(draw: st.DrawFn, draft: str) -> tuple[Any, Any]:
    """Two schemas of one type whose keywords work on each other; the second has keywords of the first and its own."""
    family = draw(st.sampled_from(sorted(set(FAMILIES) - {"any"})))
    a, other = draw(_FOCUSED[draft, family]), draw(_FOCUSED[draft, family])
    kept = draw(st.lists(st.sampled_from(sorted(a)), unique=True))
    mixed = {**other, **{keyword: a[keyword] for keyword in kept}}
    few = draw(st.lists(st.sampled_from(sorted(mixed)), min_size=1, max_size=2, unique=True))
    b = draw(st.sampled_from([mixed, {keyword: mixed[keyword] for keyword in few}]))
    return {"$schema": draft, **a}, {"$schema": draft, **b}


def places(schema: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of every part of a schema that can be replaced by a schema."""
    found = [path]
    if isinstance(schema, dict):
        for keyword, value in schema.items():
            if keyword in ("enum", "const", "required", "dependentRequired", "type", "$schema"):
                continue
            if keyword in ("properties", "patternProperties", "dependentSchemas", "definitions", "$defs"):
                for name, part in value.items():
                    found += places(part, (*path, keyword, name))
            elif isinstance(value, list):
                for position, part in enumerate(value):
                    found += places(part, (*path, keyword, position))
            elif isinstance(value, dict) and keyword != "dependencies":
                found += places(value, (*path, keyword))
    return found


def _at(schema: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        schema = schema[step]
    return schema


@st.composite
def changed(draw: st.DrawFn, schema: Any, draft: str) -> Any:
    """A schema with one to three changes, mostly such as people make: a keyword less, a bound moved, a form changed."""
    result = copy.deepcopy(schema)
    for _ in range(draw(st.integers(1, 3))):
        if not isinstance(result, dict):
            return result
        path = draw(st.sampled_from(places(result)))
        replacement = draw(_changed_part(_at(result, path), draft, root=not path))
        if path:
            _at(result, path[:-1])[path[-1]] = replacement
        else:
            result = replacement
    return result


@st.composite
def _changed_part(draw: st.DrawFn, part: Any, draft: str, *, root: bool) -> Any:
    kind = draw(
        st.sampled_from(["drop", "drop", "move", "move", "add", "any", "all", "one", "twice not", "enum", "type"])
    )
    if not isinstance(part, dict):
        return draw(_SCHEMAS[draft, 1]) if not root else part
    own = [keyword for keyword in part if keyword not in ("$schema", "definitions", "$defs")]
    body = {keyword: part[keyword] for keyword in own}
    around = {keyword: value for keyword, value in part.items() if keyword not in own}
    if kind == "drop" and own:
        gone = draw(st.sampled_from(own))
        return {keyword: value for keyword, value in part.items() if keyword != gone}
    if kind == "move":
        return {keyword: _moved(value, draw(st.sampled_from([-1, 1]))) for keyword, value in part.items()}
    if kind == "add":
        more = draw(_SCHEMAS[draft, 1])
        return {**(more if isinstance(more, dict) else {}), **part}
    if kind in ("any", "one"):
        return {**around, f"{kind}Of": [body, draw(_SCHEMAS[draft, 0])]}
    if kind == "all":
        return {**around, "allOf": [{keyword: value} for keyword, value in body.items()] or [True]}
    if kind == "twice not":
        return {**around, "not": {"not": body}}
    if kind == "enum" and "enum" in part:
        return {**part, "enum": [*part["enum"], draw(st.sampled_from(SCALARS))]}
    if kind == "type" and isinstance(part.get("type"), str):
        return {**part, "type": sorted({part["type"], draw(st.sampled_from(TYPES))})}
    return part


def _moved(value: Any, by: int) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return max(value + by, 0)


def constants(schema: Any) -> list[Any]:
    """Values that a schema names, and numbers next to them."""
    if isinstance(schema, dict):
        found = [*schema.get("enum", []), *([schema["const"]] if "const" in schema else [])]
        for value in schema.values():
            found += constants(value)
        return found
    if isinstance(schema, list):
        return [value for part in schema for value in constants(part)]
    if isinstance(schema, int | float) and not isinstance(schema, bool):
        return [schema, schema + 1, schema - 1, schema + 0.5]
    return []


def values(a: Any, b: Any, random: Random, count: int) -> list[Any]:
    """Values that may be valid under ``a``, or tell ``a`` from ``b``."""
    pool = SCALARS + constants(a) + constants(b)
    guides = [a, a, b]
    return [_guided(random.choice(guides), (a, b), pool, random, 4) for _ in range(count)]


def _guided(schema: Any, roots: tuple[Any, Any], pool: list[Any], random: Random, depth: int) -> Any:
    """A value made along a schema: no promise that it is valid."""
    if not isinstance(schema, dict) or depth <= 0 or random.random() < 0.15:
        return _any_value(pool, random, depth)
    branches = [part for keyword in ("allOf", "anyOf", "oneOf") for part in schema.get(keyword, [])]
    branches += [schema[keyword] for keyword in ("if", "then", "else", "not") if keyword in schema]
    branches += list(schema.get("dependentSchemas", {}).values())
    if "$ref" in schema:
        branches.append(_target(schema["$ref"], roots, random))
    if branches and random.random() < 0.6:
        own = {k: v for k, v in schema.items() if k not in ("allOf", "anyOf", "oneOf", "if", "not", "$ref")}
        picked = random.choice(branches)
        merged = {**own, **picked} if isinstance(picked, dict) and random.random() < 0.7 else picked
        return _guided(merged, roots, pool, random, depth - 1)
    if "const" in schema and random.random() < 0.8:
        return schema["const"]
    if schema.get("enum") and random.random() < 0.8:
        return random.choice(schema["enum"])
    kind = schema.get("type", random.choice(TYPES))
    kind = random.choice(kind) if isinstance(kind, list) else kind
    if kind == "object" or (("properties" in schema or "required" in schema) and random.random() < 0.5):
        return _object(schema, roots, pool, random, depth)
    if kind == "array" or (("items" in schema or "prefixItems" in schema) and random.random() < 0.5):
        return _array(schema, roots, pool, random, depth)
    return _scalar(kind, pool, random)


def _target(reference: str, roots: tuple[Any, Any], random: Random) -> Any:
    part = random.choice(roots)
    for token in reference.split("/")[1:]:
        part = part.get(token, {}) if isinstance(part, dict) else {}
    return part


def _object(schema: dict[str, Any], roots: tuple[Any, Any], pool: list[Any], random: Random, depth: int) -> Any:
    properties = schema.get("properties", {})
    names = {*schema.get("required", []), *(n for n in [*properties, *NAMES, "b1", "x"] if random.random() < 0.4)}
    result = {}
    for name in sorted(names):
        guides = [properties[name]] if name in properties else [*schema.get("patternProperties", {}).values()]
        guides.append(schema.get("additionalProperties", True))
        result[name] = _guided(guides[0] if random.random() < 0.8 else guides[-1], roots, pool, random, depth - 1)
    return result


def _array(schema: dict[str, Any], roots: tuple[Any, Any], pool: list[Any], random: Random, depth: int) -> Any:
    items = schema.get("items", schema.get("additionalItems", True))
    prefix = schema.get("prefixItems", items if isinstance(items, list) else [])
    rest = schema.get("additionalItems", True) if isinstance(items, list) else items
    size = random.choice([0, 1, 2, 3, 4, schema.get("minItems", 0), schema.get("maxItems", 1), len(prefix) + 1])
    guides = [prefix[i] if i < len(prefix) else rest for i in range(size)]
    if "contains" in schema:
        guides = [schema["contains"] if random.random() < 0.4 else guide for guide in guides]
    return [_guided(guide, roots, pool, random, depth - 1) for guide in guides]


def _scalar(kind: str, pool: list[Any], random: Random) -> Any:
    fitting: dict[str, Any] = {
        "null": type(None),
        "boolean": bool,
        "integer": int,
        "number": (int, float),
        "string": str,
    }
    found = [v for v in pool if isinstance(v, fitting[kind]) and (kind == "boolean" or not isinstance(v, bool))]
    return random.choice(found or pool)


def _any_value(pool: list[Any], random: Random, depth: int) -> Any:
    choice = random.random()
    if depth <= 0 or choice < 0.6:
        return random.choice(pool)
    if choice < 0.8:
        return [_any_value(pool, random, depth - 2) for _ in range(random.randrange(4))]
    return {n: _any_value(pool, random, depth - 2) for n in [*NAMES, "b1", "x"] if random.random() < 0.4}
