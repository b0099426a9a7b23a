"""From a schema to its formula, keyword by keyword.

The formula of a schema is the conjunction of its parts. A part belongs to one keyword, so that a finding can
say which one. Keyword meanings: draft-07 validation section 6, 2020-12 core sections 10 and 11 and validation
section 6.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from instar.core.compat.json_schema.dialect import ANNOTATIONS, well_formed
from instar.core.compat.json_schema.document import Node, Unresolvable
from instar.core.compat.json_schema.evaluated import unevaluated_items, unevaluated_properties
from instar.core.compat.json_schema.formula import (
    FALSE,
    TRUE,
    And,
    AtLeast,
    AtMost,
    Contains,
    ContainsAtMost,
    Each,
    ExactlyOne,
    Except,
    Formula,
    Has,
    Matches,
    Matching,
    MultipleOf,
    Named,
    Names,
    Not,
    OneOfValues,
    Opaque,
    Or,
    Ref,
    Size,
    SizeAtMost,
    TypeIs,
    Unique,
    Values,
    present,
)
from instar.core.compat.json_schema.value import JsonType, canonical, number

#: Formats of the drafts; each speaks about strings only. Any other format may speak about any type (``int64``).
_STRING_FORMATS = frozenset(
    {"date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6", "uri",
     "uri-reference", "iri", "iri-reference", "uuid", "uri-template", "json-pointer", "relative-json-pointer", "regex"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """What one keyword of a schema says. ``keyword`` is "" for a boolean schema."""

    keyword: str
    formula: Formula


def meaning(node: Node) -> Formula:
    """The formula of a schema node."""
    known = node.library.formulas
    if id(node) not in known:  # by identity: equal nodes stand at different places, and findings name places
        known[id(node)] = And(tuple(part.formula for part in parts(node)))
    formula: Formula = known[id(node)]
    return formula


def parts(node: Node) -> tuple[Part, ...]:
    """The parts of a schema node, those that decide quickly first."""
    if isinstance(node.schema, bool):
        return (Part("", TRUE if node.schema else FALSE),)
    hides = node.dialect.ref_hides_siblings and "$ref" in node.schema
    keywords = ["$ref"] if hides else list(node.schema)
    found = []
    for keyword in keywords:
        if keyword in ANNOTATIONS or keyword in node.library.annotations:
            continue
        shape = node.dialect.keywords.get(keyword)
        value = node.schema[keyword]
        if shape is None or not well_formed(shape, value):
            found.append(Part(keyword, _open(keyword, value, None)))
        elif keyword in _TRANSLATORS:
            found.append(Part(keyword, _TRANSLATORS[keyword](node, value)))
    return tuple(found)


def _open(keyword: str, value: Any, about: JsonType | None) -> Opaque:
    return Opaque(keyword, json.dumps(value, sort_keys=True, default=str), about)


def trivial(schema: Any) -> bool:
    """Whether a schema accepts everything by its looks: ``true`` or nothing but annotations."""
    return schema is True or (isinstance(schema, dict) and ANNOTATIONS.issuperset(schema) and "$id" not in schema)


def _type(_: Node, value: Any) -> Formula:
    return Or(tuple(_one_type(name) for name in (value if isinstance(value, list) else [value])))


def _one_type(name: Any) -> Formula:
    return And((TypeIs("number"), MultipleOf(number(1)))) if name == "integer" else TypeIs(name)


def _enum(_: Node, value: Any) -> Formula:
    return OneOfValues(frozenset(canonical(item) for item in value))


def _lower(node: Node, value: Any) -> Formula:
    return AtLeast(number(value), strict=node.dialect.name == "draft-04" and node.keyword("exclusiveMinimum") is True)


def _upper(node: Node, value: Any) -> Formula:
    return AtMost(number(value), strict=node.dialect.name == "draft-04" and node.keyword("exclusiveMaximum") is True)


def _strictly_lower(_: Node, value: Any) -> Formula:
    return TRUE if isinstance(value, bool) else AtLeast(number(value), strict=True)


def _strictly_upper(_: Node, value: Any) -> Formula:
    return TRUE if isinstance(value, bool) else AtMost(number(value), strict=True)


def _at_least(about: JsonType) -> Callable[[Node, Any], Formula]:
    return lambda _, value: Size(about, int(value)) if value else TRUE


def _at_most(about: JsonType) -> Callable[[Node, Any], Formula]:
    return lambda _, value: SizeAtMost(about, int(value))


def _format(_: Node, value: Any) -> Formula:
    return _open("format", value, "string" if value in _STRING_FORMATS else None)


def _content(keyword: str) -> Callable[[Node, Any], Formula]:
    return lambda _, value: _open(keyword, value, "string")


def _items(node: Node, value: Any) -> Formula:
    if isinstance(value, list):
        return And(tuple(Each(i, i + 1, Ref(node.child("items", i))) for i in range(len(value))))
    before = len(node.keyword("prefixItems") or []) if "prefixItems" in node.dialect.keywords else 0
    return Each(before, None, Ref(node.child("items")))


def _prefix_items(node: Node, value: Any) -> Formula:
    return And(tuple(Each(i, i + 1, Ref(node.child("prefixItems", i))) for i in range(len(value))))


def _additional_items(node: Node, _: Any) -> Formula:
    items = node.keyword("items")
    return Each(len(items), None, Ref(node.child("additionalItems"))) if isinstance(items, list) else TRUE


def _contains(node: Node, _: Any) -> Formula:
    least, most = 1, None
    if "minContains" in node.dialect.keywords:
        minimum, maximum = node.keyword("minContains"), node.keyword("maxContains")
        least = 1 if minimum is None else int(minimum)
        most = None if maximum is None else int(maximum)
    inner = Ref(node.child("contains"))
    lower = Contains(inner, least) if least else TRUE
    return lower if most is None else And((lower, ContainsAtMost(inner, most)))


def _properties(node: Node, value: Any) -> Formula:
    return And(tuple(Values(Named(name), Ref(node.child("properties", name))) for name in value))


def _pattern_properties(node: Node, value: Any) -> Formula:
    return And(tuple(Values(Matching(name), Ref(node.child("patternProperties", name))) for name in value))


def _additional_properties(node: Node, value: Any) -> Formula:
    if trivial(value):
        return TRUE  # says nothing; under the lenient policy it must not count as a declaration either
    names = frozenset(node.keyword("properties") or {})
    patterns = frozenset(node.keyword("patternProperties") or {})
    return Values(Except(names, patterns), Ref(node.child("additionalProperties")))


def _required(node: Node, value: Any) -> Formula:
    return And(tuple(Has(name) for name in value if not node.library.fills(node, name)))


def _dependent_required(keyword: str) -> Callable[[Node, Any], Formula]:
    def translate(node: Node, value: Any) -> Formula:
        clauses: list[Formula] = []
        for name, wanted in value.items():
            then: Formula
            if isinstance(wanted, list):
                then = And(tuple(Has(other) for other in wanted))
            else:
                then = Ref(node.child(keyword, name))
            clauses.append(Or((Not(present(name)), then)))
        return And(tuple(clauses))

    return translate


def _members(node: Node, keyword: str) -> tuple[Formula, ...]:
    return tuple(Ref(node.child(keyword, i)) for i in range(len(node.schema[keyword])))


def _if(node: Node, _: Any) -> Formula:
    condition = Ref(node.child("if"))
    clauses: list[Formula] = []
    if node.keyword("then") is not None:
        clauses.append(Or((Not(condition), Ref(node.child("then")))))
    if node.keyword("else") is not None:
        clauses.append(Or((condition, Ref(node.child("else")))))
    return And(tuple(clauses))


def _ref(node: Node, value: Any) -> Formula:
    try:
        return Ref(node.library.resolve(node, value))
    except Unresolvable:
        return _open("$ref", value, None)


_TRANSLATORS: dict[str, Callable[[Node, Any], Formula]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda _, value: OneOfValues(frozenset([canonical(value)])),
    "multipleOf": lambda _, value: MultipleOf(number(value)),
    "minimum": _lower,
    "maximum": _upper,
    "exclusiveMinimum": _strictly_lower,
    "exclusiveMaximum": _strictly_upper,
    "minLength": _at_least("string"),
    "maxLength": _at_most("string"),
    "pattern": lambda _, value: Matches(value),
    "format": _format,
    "contentEncoding": _content("contentEncoding"),
    "contentMediaType": _content("contentMediaType"),
    "contentSchema": _content("contentSchema"),
    "prefixItems": _prefix_items,
    "items": _items,
    "additionalItems": _additional_items,
    "minItems": _at_least("array"),
    "maxItems": _at_most("array"),
    "uniqueItems": lambda _, value: Unique() if value else TRUE,
    "contains": _contains,
    "required": _required,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "propertyNames": lambda node, _: Names(Ref(node.child("propertyNames"))),
    "minProperties": _at_least("object"),
    "maxProperties": _at_most("object"),
    "dependencies": _dependent_required("dependencies"),
    "dependentRequired": _dependent_required("dependentRequired"),
    "dependentSchemas": _dependent_required("dependentSchemas"),
    "allOf": lambda node, _: And(_members(node, "allOf")),
    "anyOf": lambda node, _: Or(_members(node, "anyOf")),
    "oneOf": lambda node, _: ExactlyOne(_members(node, "oneOf")),
    "not": lambda node, _: Not(Ref(node.child("not"))),
    "if": _if,
    "unevaluatedProperties": lambda node, _: unevaluated_properties(node),
    "unevaluatedItems": lambda node, _: unevaluated_items(node),
    "$ref": _ref,
    "$dynamicRef": _ref,
    "$recursiveRef": _ref,
}  # fmt: skip
