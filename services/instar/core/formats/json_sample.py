"""Valid values of a JSON Schema, drawn at random: the same seed gives the same value.

Drawing is by construction where the schema tells what to build, and by trying where it only tells what to avoid
(``not``, ``oneOf``, ``if``, ``uniqueItems``, a look-around in a pattern): such a part is drawn again until its own
validator agrees. The whole is validated before it is returned, always. Optional fields are sometimes there and
sometimes not, every branch and symbol is equally likely, numbers and texts are often at the edge of what is allowed.
Fields that the schema does not name are not invented, except where it describes them (``additionalProperties``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from instar.core.formats.json_bundle import Bundle
from instar.core.formats.json_dialect import Node
from instar.core.formats.json_merge import Unjoinable, conjoin
from instar.core.formats.json_pattern import Draw, Unreadable, pattern_draw
from instar.core.formats.json_problem import type_name
from instar.core.formats.json_strings import FORMATS, LENGTH_LIMIT, text

if TYPE_CHECKING:
    from random import Random

TRIES = 100  # whole values
_PART_TRIES = 30  # of one part
_DEEP = 6  # levels from which on optional parts are left out
_DEPTH_LIMIT = 60  # levels of the value, and of references in one place
_DRAWS = 30_000  # parts drawn for one sample, failed attempts included; a webhook payload takes about 350
_HARD = frozenset(
    [
        "not",
        "oneOf",
        "anyOf",
        "if",
        "uniqueItems",
        "contains",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "propertyNames",
        "pattern",
        "multipleOf",
        "unevaluatedProperties",
        "unevaluatedItems",
        "minProperties",
        "maxProperties",
    ]
)
_SIGNS = (
    (
        "object",
        ["properties", "required", "additionalProperties", "patternProperties", "minProperties", "propertyNames"],
    ),
    ("array", ["items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"]),
    ("string", ["pattern", "minLength", "maxLength", "format"]),
    ("number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
)
_INTEGERS = (0, 1, -1, 7, 42, 127, 128, 255, 2**31 - 1, 2**31, -(2**31), 2**53 - 1, 2**53 + 1, 2**63 - 1, -(2**63))
_INTEGER_FORMATS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1), "uint32": (0, 2**32 - 1)}
_FLOATS = (0.0, 0.1, -0.5, 1.5, 1e-9, 3.14159, 1e15, -1e15, 1e22, 5e-324, 1.7976931348623157e308)


class NoSample(Exception):
    """No valid value was found in ``TRIES`` attempts; the message names the part that could not be drawn, if known."""


class _Stuck(Exception):
    """This attempt leads nowhere."""


class Sampler:
    """Draws values of one schema. Holds compiled patterns and validators of parts, never a random state."""

    def __init__(self, bundle: Bundle, is_valid: Callable[[Any], bool]) -> None:
        self._bundle = bundle
        self._is_valid = is_valid
        self._left = 0  # draws until the sample at hand is given up
        self._patterns: dict[str, Draw | None] = {}
        self._parts: dict[int, tuple[Node, jsonschema_rs.Validator]] = {}  # the node too: it keeps the id taken

    def sample(self, random: Random) -> Any:
        """A valid value. Raises ``NoSample``."""
        why = ""
        self._left = _DRAWS
        for _ in range(TRIES):
            try:
                value = self._draw(self._bundle.root, random, 0)
            except _Stuck as stuck:
                why = why or str(stuck)
                continue
            if self._is_valid(value):
                return value
        raise NoSample(
            f"No valid sample was found in {TRIES} attempts"
            + (f": {why}." if why else ".")
            + " Add an example record for this version, or say the rule by type, enum or a plainer pattern."
        )

    def _draw(self, node: Node, random: Random, depth: int) -> Any:
        if isinstance(node, bool):
            if not node:
                raise _Stuck("a part of the schema allows no value")
            return random.choice((None, True, 0, "text", [], {}))
        self._left -= 1
        if depth > _DEPTH_LIMIT or self._left < 0:
            raise _Stuck("the schema recurses without a way out, or asks for a value without end")
        if not self._is_hard(node):
            return self._build(self._settled(node, random, 0), random, depth)
        validator = self._part_validator(node)
        why = "a part of the schema could not be satisfied"
        for _ in range(_PART_TRIES):
            try:
                value = self._build(self._settled(node, random, 0), random, depth)
            except _Stuck as stuck:
                why = str(stuck)
                continue
            if validator.is_valid(value):
                return value
        raise _Stuck(why)

    def _is_hard(self, node: dict[str, Any]) -> bool:
        if "enum" in node and node.keys() - {"enum", "type", "default"}:
            return True
        return bool(_HARD & node.keys()) or "allOf" in node or ("$ref" in node and len(node) > 1)

    def _part_validator(self, node: dict[str, Any]) -> jsonschema_rs.Validator:
        known = self._parts.get(id(node))
        if known is None:
            if len(self._parts) > 2000:  # nodes that were joined while drawing are new each time
                self._parts.clear()
            known = self._parts[id(node)] = (node, self._bundle.validator(node))
        return known[1]

    def _settled(self, node: Node, random: Random, depth: int) -> Node:
        """The node with references followed, ``allOf`` joined, and one alternative chosen where there is a choice."""
        if isinstance(node, bool):
            return node
        if depth > _DEPTH_LIMIT:
            raise _Stuck("references and alternatives lead back to themselves")
        rest = {
            key: value
            for key, value in node.items()
            if key not in ("$ref", "allOf", "anyOf", "oneOf", "if", "then", "else")
        }
        chosen: list[Node] = []
        if "$ref" in node:
            chosen.append(self._bundle.target(node["$ref"])[1])
        chosen += node.get("allOf", [])
        chosen += [random.choice(node[key]) for key in ("anyOf", "oneOf") if key in node]
        if "if" in node and random.random() < 0.6:
            chosen += [node["if"], node.get("then", True)]
        elif "if" in node:
            chosen.append(node.get("else", True))
        result: Node = rest
        for each in chosen:
            settled = self._settled(each, random, depth + 1)
            try:
                result = conjoin(result, settled)
            except Unjoinable as unjoinable:
                if str(unjoinable) in ("type", "enum"):
                    raise _Stuck("alternatives that exclude each other") from unjoinable
                result = _override(result, settled)  # cannot be said in one node: the validator decides
        return result

    def _build(self, node: Node, random: Random, depth: int) -> Any:
        if isinstance(node, bool):
            return self._draw(node, random, depth)
        if "const" in node:
            return _copy(node["const"])
        if "enum" in node:
            return _copy(random.choice(_symbols(node)))
        types = node.get("type")
        if types is None:
            kind = next((kind for kind, signs in _SIGNS if any(sign in node for sign in signs)), None)
            if kind is None:
                return self._draw(True, random, depth)
        else:
            kind = types if isinstance(types, str) else self._kind(types, random, depth)
        return self._of_kind(kind, node, random, depth)

    def _kind(self, types: list[str], random: Random, depth: int) -> str:
        flat = [each for each in types if each not in ("object", "array")]
        return random.choice(flat if flat and depth > _DEEP else types)

    def _of_kind(self, kind: str, node: dict[str, Any], random: Random, depth: int) -> Any:
        if kind == "object":
            return self._object(node, random, depth)
        if kind == "array":
            return self._array(node, random, depth)
        if kind == "string":
            return self._string(node, random)
        if kind == "integer":
            return _integer(node, random)
        if kind == "number":
            try:
                return _number(node, random)
            except OverflowError as error:
                raise _Stuck("a number must lie beyond what a float holds") from error
        return None if kind == "null" else random.random() < 0.5

    def _string(self, node: dict[str, Any], random: Random) -> str:
        if "pattern" in node:
            draw = self._pattern(node["pattern"])
            if draw is None:
                raise _Stuck(f"the pattern {node['pattern']!r} cannot be drawn from")
            return draw(random)
        make = FORMATS.get(node.get("format", ""))
        if make is not None:
            for _ in range(_PART_TRIES):
                drawn = make(random)
                if node.get("minLength", 0) <= len(drawn) <= node.get("maxLength", math.inf):
                    return drawn
        longest = node.get("maxLength")
        if node.get("minLength", 0) > min(LENGTH_LIMIT, math.inf if longest is None else longest):
            raise _Stuck("no text is both long and short enough")
        return text(random, int(node.get("minLength", 0)), None if longest is None else int(longest))

    def _pattern(self, pattern: str) -> Draw | None:
        if pattern not in self._patterns:
            try:
                self._patterns[pattern] = pattern_draw(pattern)
            except Unreadable:
                self._patterns[pattern] = None
        return self._patterns[pattern]

    def _array(self, node: dict[str, Any], random: Random, depth: int) -> list[Any]:
        items = node.get("items", True)
        fixed = items if isinstance(items, list) else node.get("prefixItems", [])
        rest = node.get("additionalItems", True) if isinstance(items, list) else items
        least = int(node.get("minItems", 0))
        most = int(node.get("maxItems", max(least, 0 if depth > _DEEP else least + 3)))
        if rest is False:
            most = min(most, len(fixed))
        if fixed and most >= len(fixed) and random.random() < 0.8:
            least = max(least, len(fixed))
        if "contains" in node:
            least = max(least, int(node.get("minContains", 1)))
        length = random.randint(least, max(least, min(most, least + 4)))
        result: list[Any] = []
        for at in range(length):
            result.append(self._element(fixed[at] if at < len(fixed) else rest, result, node, random, depth))
        for at in (
            random.sample(range(length), min(length, int(node.get("minContains", 1)))) if "contains" in node else ()
        ):
            result[at] = self._draw(node["contains"], random, depth + 1)
        return result

    def _element(self, part: Node, so_far: list[Any], node: dict[str, Any], random: Random, depth: int) -> Any:
        """An element, for ``uniqueItems`` one that differs from those before it."""
        value = self._draw(part, random, depth + 1)
        if node.get("uniqueItems"):
            for _ in range(_PART_TRIES):
                if value not in so_far:
                    break
                value = self._draw(part, random, depth + 1)
        return value

    def _object(self, node: dict[str, Any], random: Random, depth: int) -> dict[str, Any]:
        properties = node.get("properties", {})
        required = set(node.get("required", ()))
        likely = 0.0 if depth > _DEEP else random.choice((0.0, 0.5, 0.5, 0.8, 1.0))
        rest = node.get("additionalProperties", True)
        result: dict[str, Any] = {}
        for name, part in properties.items():
            if name in required or (part is not False and random.random() < likely):
                try:
                    result[name] = self._draw(part, random, depth + 1)
                except _Stuck:
                    if name in required:
                        raise
        for name in node.get("required", ()):
            if name not in result:
                result[name] = self._draw(self._other(node, name), random, depth + 1)
        self._add_dependents(node, result, random, depth)
        self._add_others(node, rest, result, random, depth)
        return result

    def _add_dependents(self, node: dict[str, Any], result: dict[str, Any], random: Random, depth: int) -> None:
        needs = {**node.get("dependencies", {}), **node.get("dependentRequired", {})}
        pending = [name for name in needs if name in result]
        while pending:
            for name in needs.get(pending.pop(), ()) if needs else ():
                if name not in result and isinstance(name, str):
                    part = node.get("properties", {}).get(name, self._other(node, name))
                    result[name] = self._draw(part, random, depth + 1)
                    pending.append(name)

    def _add_others(self, node: dict[str, Any], rest: Node, result: dict[str, Any], random: Random, depth: int) -> None:
        """Entries of a map: names that the schema describes without listing them."""
        patterns = node.get("patternProperties", {})
        described = list(patterns) if patterns else [None] if isinstance(rest, dict) else []
        least = int(node.get("minProperties", 0)) - len(result)
        wanted = max(least, 0 if depth > _DEEP or not described else random.randrange(4))
        room = int(node.get("maxProperties", 2**31)) - len(result)
        for _ in range(min(wanted, room) * 3):
            if wanted <= 0:
                return
            pattern = random.choice(described) if described else None
            name = self._name(pattern, node.get("propertyNames", True), random, depth)
            if name not in result and name not in node.get("properties", {}):
                result[name] = self._draw(
                    self._other(node, name) if pattern is None else patterns[pattern], random, depth + 1
                )
                wanted -= 1

    def _name(self, pattern: str | None, names: Node, random: Random, depth: int) -> str:
        if pattern is not None:
            return self._string({"pattern": pattern}, random)
        if isinstance(names, dict) and names:
            drawn = self._draw({"type": "string", **names}, random, depth + 1)
            return str(drawn)
        return random.choice(("a", "b", "c", "key", "other key", "ключ")) + random.choice(
            ("", str(random.randrange(100)))
        )

    def _other(self, node: dict[str, Any], name: str) -> Node:
        """What a node says about a field that ``properties`` does not list."""
        for pattern, part in node.get("patternProperties", {}).items():
            if self._bundle.validator({"type": "string", "pattern": pattern}).is_valid(name):
                return part  # type: ignore[no-any-return]
        return node.get("additionalProperties", True)  # type: ignore[no-any-return]


def _override(left: Node, right: Node) -> Node:
    if isinstance(left, bool) or isinstance(right, bool):
        return left and right
    return {**right, **left}


def _symbols(node: dict[str, Any]) -> list[Any]:
    """The enumeration's values of the node's types."""
    types = node.get("type")
    symbols: list[Any] = node["enum"]
    if types is not None:
        allowed = {types} if isinstance(types, str) else set(types)
        allowed |= {"integer"} if "number" in allowed else set()
        symbols = [
            each for each in symbols if type_name(each) in allowed or (isinstance(each, float) and "integer" in allowed)
        ]
    if not symbols:
        raise _Stuck("an enumeration allows no value")
    return symbols


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(each) for name, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value


def _exact(value: Any) -> Fraction:
    return Fraction(str(value)) if isinstance(value, float) else Fraction(value)


def _limits(node: dict[str, Any]) -> tuple[Fraction | None, Fraction | None, bool, bool]:
    """Lowest and highest value, and whether each of them is itself excluded (of two equal limits the excluding one)."""
    lows = [(_exact(node[key]), key == "exclusiveMinimum") for key in ("minimum", "exclusiveMinimum") if key in node]
    highs = [(_exact(node[key]), key != "exclusiveMaximum") for key in ("maximum", "exclusiveMaximum") if key in node]
    low, above = max(lows) if lows else (None, False)
    high, reached = min(highs) if highs else (None, True)
    return low, high, above, not reached


def _integer(node: dict[str, Any], random: Random) -> int:
    low, high, above, below = _limits(node)
    step = _exact(node.get("multipleOf", 1))
    step = Fraction(step.numerator)  # whole multiples of p/q are the multiples of p (p and q have no common factor)
    floor_at, ceiling_at = _INTEGER_FORMATS.get(node.get("format", ""), (None, None))
    low = Fraction(floor_at) if low is None and floor_at is not None else low
    high = Fraction(ceiling_at) if high is None and ceiling_at is not None else high
    first = None if low is None else math.ceil(low / step) + (1 if above and (low / step).denominator == 1 else 0)
    last = None if high is None else math.floor(high / step) - (1 if below and (high / step).denominator == 1 else 0)
    if first is not None and last is not None and first > last:
        raise _Stuck("no integer lies between the limits")
    return int(_near(first, last, random) * step)


def _near(first: int | None, last: int | None, random: Random) -> int:
    """A whole number in the closed range, often at its ends or a well-known edge."""
    edges = [each for each in _INTEGERS if (first is None or each >= first) and (last is None or each <= last)]
    edges += [each for each in (first, last) if each is not None]
    if edges and random.random() < 0.4:
        return random.choice(edges)
    start = first if first is not None else (last - 1000 if last is not None else -1000)
    end = last if last is not None else start + 2000
    return random.randint(start, min(end, start + 10**6))


def _number(node: dict[str, Any], random: Random) -> int | float | Decimal:
    low, high, above, below = _limits(node)
    if "multipleOf" in node:
        step = _exact(node["multipleOf"])
        first = None if low is None else math.ceil(low / step)
        last = None if high is None else math.floor(high / step)
        if first is not None and last is not None and first > last:
            raise _Stuck("no multiple lies between the limits")
        return _plain(_near(first, last, random) * step)

    def fits(value: Any) -> bool:
        exact = Fraction(value)
        over = low is None or exact > low or (exact == low and not above)
        return over and (high is None or exact < high or (exact == high and not below))

    edges = [
        each for each in (*_FLOATS, *_INTEGERS[:9], *(_plain(e) for e in (low, high) if e is not None)) if fits(each)
    ]
    if edges and random.random() < 0.4:
        return random.choice(edges)
    start = float(low) if low is not None else (float(high) - 1000.0 if high is not None else -1000.0)
    end = float(high) if high is not None else start + 2000.0
    drawn = random.uniform(start, end)
    return random.choice((drawn, round(drawn, 2))) if fits(round(drawn, 2)) else drawn


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
