"""``unevaluatedProperties`` and ``unevaluatedItems`` without annotations (2020-12 core section 11).

Which members are "evaluated" depends on which in-place subschemas the instance satisfies. Each such subschema
is a condition; for every assignment of the conditions the evaluated members are a plain set of names and
patterns, as with ``additionalProperties``. So the keyword is a disjunction over the assignments. That is
exact; its size is bounded, and past the bound the keyword becomes an open predicate, with which only an equal
keyword can be proven.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from instar.core.compat.json_schema.document import Node, Unresolvable
from instar.core.compat.json_schema.formula import (
    TRUE,
    And,
    Each,
    Except,
    Formula,
    Not,
    Opaque,
    Or,
    Ref,
    Values,
    present,
)

#: 2 to this power cases are distinguished at most.
MAX_CONDITIONS = 6


class _Unclear(Exception):
    """What is evaluated is not settled: a ring of references, or validators that differ. Never leaves this module."""


@dataclass(frozen=True, slots=True)
class _Contribution:
    """What a subschema evaluates where all ``conditions`` hold."""

    conditions: tuple[Formula, ...]
    everything: bool = False
    names: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    prefix: int = 0
    contains: Formula | None = None


_Case: TypeAlias = Callable[[list[_Contribution]], Formula]


def unevaluated_properties(node: Node) -> Formula:
    """The formula of ``unevaluatedProperties``."""
    if node.keyword("unevaluatedProperties") in (True, {}):
        return TRUE  # says nothing; under the lenient policy it must not count as a declaration either

    def case(active: list[_Contribution]) -> Formula:
        names = frozenset[str]().union(*(c.names for c in active))
        patterns = frozenset[str]().union(*(c.patterns for c in active))
        return Values(Except(names, patterns), Ref(node.child("unevaluatedProperties")))

    return _formula(node, "unevaluatedProperties", case)


def unevaluated_items(node: Node) -> Formula:
    """The formula of ``unevaluatedItems``."""

    def case(active: list[_Contribution]) -> Formula:
        inner: Formula = Ref(node.child("unevaluatedItems"))
        contained = tuple(dict.fromkeys(c.contains for c in active if c.contains is not None))
        start = max((c.prefix for c in active), default=0)
        return Each(start, None, Or((*contained, inner)) if contained else inner)

    return _formula(node, "unevaluatedItems", case)


def _formula(node: Node, keyword: str, case: _Case) -> Formula:
    try:
        found = list(_contributions(node, keyword, (), ()))
    except (_Unclear, Unresolvable):
        return Opaque(keyword, node.key, None)
    conditions = list(dict.fromkeys(condition for c in found for condition in c.conditions))
    if len(conditions) > MAX_CONDITIONS:
        return Opaque(keyword, node.key, None)
    cases: list[Formula] = []
    for values in product((True, False), repeat=len(conditions)):
        holds = dict(zip(conditions, values, strict=True))
        active = [c for c in found if all(holds[condition] for condition in c.conditions)]
        guard = [condition if value else Not(condition) for condition, value in holds.items()]
        then = TRUE if any(c.everything for c in active) else case(active)
        cases.append(And((*guard, then)) if guard else then)
    return cases[0] if len(cases) == 1 else Or(tuple(cases))


def _contributions(
    node: Node, keyword: str, conditions: tuple[Formula, ...], path: tuple[Node, ...]
) -> Iterator[_Contribution]:
    if not isinstance(node.schema, dict):
        return
    if node in path:
        raise _Unclear
    yield _own(node, keyword, conditions, outermost=not path)
    path = (*path, node)
    for child, condition in _in_place(node):
        extra = () if condition is None else (condition,)
        for contribution in _contributions(child, keyword, conditions + extra, path):
            if contribution != _Contribution(contribution.conditions):
                yield contribution


def _own(node: Node, keyword: str, conditions: tuple[Formula, ...], *, outermost: bool) -> _Contribution:
    nested = keyword in node.schema and not outermost
    if keyword == "unevaluatedProperties":
        return _Contribution(
            conditions,
            everything=nested or "additionalProperties" in node.schema,
            names=frozenset(node.keyword("properties") or {}),
            patterns=frozenset(node.keyword("patternProperties") or {}),
        )
    items = node.keyword("items")
    tuple_form = items if isinstance(items, list) else None
    rest = "additionalItems" in node.schema and tuple_form is not None
    contains = "contains" in node.schema
    if contains and not node.dialect.contains_evaluates:
        raise _Unclear  # 2019-09 does not say that items which ``contains`` takes are evaluated; validators do so
    return _Contribution(
        conditions,
        everything=nested or rest or (items is not None and tuple_form is None),
        prefix=len(node.keyword("prefixItems") or tuple_form or []),
        contains=Ref(node.child("contains")) if contains else None,
    )


def _in_place(node: Node) -> Iterator[tuple[Node, Formula | None]]:
    """Subschemas applied to the same instance, each with the condition under which it counts."""
    schema = node.schema
    for reference in ("$ref", "$dynamicRef", "$recursiveRef"):
        if reference in schema:
            yield node.library.resolve(node, schema[reference]), None
    for position in range(len(schema.get("allOf", []))):
        yield node.child("allOf", position), None
    for keyword in ("anyOf", "oneOf"):
        for position in range(len(schema.get(keyword, []))):
            member = node.child(keyword, position)
            yield member, Ref(member)
    if "if" in schema:
        condition = node.child("if")
        yield condition, Ref(condition)
        if "then" in schema:
            yield node.child("then"), Ref(condition)
        if "else" in schema:
            yield node.child("else"), Not(Ref(condition))
    for name in schema.get("dependentSchemas", {}):
        yield node.child("dependentSchemas", name), present(name)
