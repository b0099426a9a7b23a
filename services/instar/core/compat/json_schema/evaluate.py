"""Does one value satisfy a formula? True, False, or None where a formula says something that is left open.

Used where a type or an enumeration leaves finitely many values: then containment is a matter of trying them.
"""

from instar.core.compat.json_schema.formula import (
    And,
    AtLeast,
    AtMost,
    Atom,
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
    Selector,
    Size,
    SizeAtMost,
    TypeIs,
    Unique,
    Values,
    atom_type,
    expanded,
)
from instar.core.compat.json_schema.regex import automaton
from instar.core.compat.json_schema.translate import meaning
from instar.core.compat.json_schema.value import Value

#: Deeper than this the answer is "not known": a schema that refers to itself at the same place.
MAX_DEPTH = 60


def _all(results: list[bool | None]) -> bool | None:
    if False in results:
        return False
    return None if None in results else True


def _negated(result: bool | None) -> bool | None:
    return None if result is None else not result


def evaluate(formula: Formula, value: Value, depth: int = 0) -> bool | None:
    """Whether a value satisfies a formula; None: not known."""
    if depth > MAX_DEPTH:
        return None
    match formula:
        case Ref(node):
            return evaluate(meaning(node), value, depth + 1)
        case And(parts):
            return _all([evaluate(part, value, depth + 1) for part in parts])
        case Or(parts):
            return _negated(_all([_negated(evaluate(part, value, depth + 1)) for part in parts]))
        case ExactlyOne(parts):
            return evaluate(expanded(parts), value, depth + 1)
        case Not(part):
            return _negated(evaluate(part, value, depth + 1))
        case _:
            return _atom(formula, value, depth + 1)


def _atom(atom: Atom, value: Value, depth: int) -> bool | None:
    kind, content = value
    match atom:
        case TypeIs(wanted):
            return kind == wanted
        case OneOfValues(values):
            return value in values
    speaks_about = atom_type(atom)
    if speaks_about is not None and speaks_about != kind:
        return True
    match atom:
        case Opaque():
            return None
        case AtLeast(bound, strict):
            return bool(content > bound if strict else content >= bound)
        case AtMost(bound, strict):
            return bool(content < bound if strict else content <= bound)
        case MultipleOf(divisor):
            return bool((content / divisor).denominator == 1)
        case Size(_, count):
            return len(content) >= count
        case SizeAtMost(_, count):
            return len(content) <= count
        case Matches(pattern):
            return automaton.matches(pattern, content)
        case Unique():
            return len(set(content)) == len(content)
        case Has(name):
            return any(member == name for member, _ in content)
        case Each(start, stop, formula):
            return _all([evaluate(formula, item, depth) for item in content[start:stop]])
        case Contains(formula, count):
            return _at_least(count, [evaluate(formula, item, depth) for item in content])
        case ContainsAtMost(formula, count):
            return _negated(_at_least(count + 1, [evaluate(formula, item, depth) for item in content]))
        case Names(formula):
            return _all([evaluate(formula, ("string", name), depth) for name, _ in content])
        case Values(selector, formula):
            return _all([_member(selector, formula, name, item, depth) for name, item in content])


def _at_least(count: int, results: list[bool | None]) -> bool | None:
    if results.count(True) >= count:
        return True
    return None if results.count(True) + results.count(None) >= count else False


def _member(selector: Selector, formula: Formula, name: str, value: Value, depth: int) -> bool | None:
    selected = selects(selector, name)
    if selected is False:
        return True
    result = evaluate(formula, value, depth)
    return result if selected or result else None


def selects(selector: Selector, name: str) -> bool | None:
    """Whether a selector selects a member by its name; None: not known."""
    match selector:
        case Named(own):
            return own == name
        case Matching(pattern):
            return automaton.matches(pattern, name)
        case Except(names, patterns):
            if name in names:
                return False
            return _all([_negated(automaton.matches(pattern, name)) for pattern in patterns])
