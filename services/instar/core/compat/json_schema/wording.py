"""The sentences of findings: what differs, and what to do about it."""

import json
from typing import Any

from instar.core.compat.json_schema.finding import ABSENT, Absent, Direction, Finding

#: Which finding a keyword of the reader gives when it refuses something that the writer writes.
BY_KEYWORD = {
    "": "schema-false",
    "type": "type-narrowed",
    "enum": "enum-narrowed",
    "const": "enum-narrowed",
    "minimum": "minimum-raised",
    "exclusiveMinimum": "minimum-raised",
    "maximum": "maximum-lowered",
    "exclusiveMaximum": "maximum-lowered",
    "multipleOf": "multiple-of-narrowed",
    "minLength": "min-length-raised",
    "maxLength": "max-length-lowered",
    "pattern": "pattern-narrowed",
    "format": "format-narrowed",
    "contentEncoding": "content-narrowed",
    "contentMediaType": "content-narrowed",
    "contentSchema": "content-narrowed",
    "items": "items-narrowed",
    "prefixItems": "items-narrowed",
    "additionalItems": "additional-items-narrowed",
    "unevaluatedItems": "unevaluated-items-narrowed",
    "minItems": "min-items-raised",
    "maxItems": "max-items-lowered",
    "uniqueItems": "unique-items-added",
    "contains": "contains-narrowed",
    "required": "required-added",
    "properties": "property-narrowed",
    "patternProperties": "pattern-property-narrowed",
    "additionalProperties": "additional-properties-narrowed",
    "unevaluatedProperties": "unevaluated-properties-narrowed",
    "propertyNames": "property-names-narrowed",
    "minProperties": "min-properties-raised",
    "maxProperties": "max-properties-lowered",
    "dependencies": "dependency-added",
    "dependentRequired": "dependency-added",
    "dependentSchemas": "dependency-added",
    "allOf": "all-of-narrowed",
    "anyOf": "any-of-narrowed",
    "oneOf": "one-of-narrowed",
    "not": "not-narrowed",
    "if": "conditional-narrowed",
}

#: code: (what it means, what to do). ``{w}`` and ``{r}`` are the writer's and the reader's schema ("old",
#: "new"), ``{wv}`` and ``{rv}`` their values, ``{name}`` a property, ``{rk}`` and ``{wk}`` a bound with its keyword.
SENTENCES = {
    "schema-false": ("{r} refuses every value here, {w} allows some", "allow in {r} what {w} allows"),
    "type-narrowed": (
        "{r} accepts type {rv}; {w} says {wv} and may write another type",
        "add the missing type to `type` in {r}, or write the value under a new property",
    ),
    "enum-narrowed": (
        "{r} accepts only {rv}; {w} says {wv} and may write {missing}",
        "keep the removed values in {r} until nobody writes them",
    ),
    "minimum-raised": ("{r} has {rk} {rv}; {w} has {wk}", "lower the bound in {r} or drop it"),
    "maximum-lowered": ("{r} has {rk} {rv}; {w} has {wk}", "raise the bound in {r} or drop it"),
    "multiple-of-narrowed": (
        "{r} takes multiples of {rv} only; {w} says {wv}",
        "use a divisor of the value in {w}, or drop `multipleOf` in {r}",
    ),
    "min-length-raised": ("{r} wants at least {rv} characters; {w} says {wv}", "lower `minLength` in {r} or drop it"),
    "max-length-lowered": ("{r} takes at most {rv} characters; {w} says {wv}", "raise `maxLength` in {r} or drop it"),
    "pattern-narrowed": (
        "not every string that {w} writes ({wv}) is known to match {rv} of {r}",
        "widen the pattern in {r} or drop it; anchor patterns with ^ and $ so that they can be compared",
    ),
    "format-narrowed": ("{r} asks for format {rv}; {w} says {wv}", "keep the format of {w} in {r} or drop it"),
    "content-narrowed": (
        "{r} asks for content {rv}; {w} says {wv}",
        "keep the content keyword of {w} in {r} or drop it",
    ),
    "items-narrowed": ("{r} refuses items that {w} allows", "widen `items` in {r}"),
    "additional-items-narrowed": (
        "{r} takes {rv} after the listed items; {w} may write something else there",
        "allow the additional items in {r}",
    ),
    "unevaluated-items-narrowed": (
        "{r} takes {rv} for items that nothing else describes; {w} may write something else there",
        "describe these items in {r} or drop `unevaluatedItems`",
    ),
    "min-items-raised": ("{r} wants at least {rv} items; {w} says {wv}", "lower `minItems` in {r} or drop it"),
    "max-items-lowered": ("{r} takes at most {rv} items; {w} says {wv}", "raise `maxItems` in {r} or drop it"),
    "unique-items-added": ("{r} refuses equal items, {w} may write them", "drop `uniqueItems` in {r}"),
    "contains-narrowed": (
        "an array of {w} may hold too few or too many items that match `contains` of {r}",
        "widen `contains` and its limits in {r} or drop them",
    ),
    "required-added": (
        "{r} requires {name!r}, {w} may leave it out",
        "make {name!r} optional in {r}, or require it in {w} first and wait until every record has it",
    ),
    "property-narrowed": ("{r} refuses values of this property that {w} allows", "widen the property in {r}"),
    "property-added-to-open": (
        "{r} declares this property; {w} does not, but is open and may write anything under that name",
        "close {w} (`additionalProperties: false`), accept any value in {r}, or compare leniently",
    ),
    "property-removed-from-closed": (
        "{w} declares {name!r}; {r} does not and refuses what it does not declare",
        "keep {name!r} in {r}, or open {r} to additional properties",
    ),
    "pattern-property-narrowed": (
        "{r} refuses values under names of this pattern that {w} allows",
        "widen the schema of the pattern in {r}",
    ),
    "additional-properties-narrowed": (
        "{r} says {rv} for properties it does not declare; {w} says {wv} and may write others",
        "open `additionalProperties` in {r} as far as {w} is open",
    ),
    "unevaluated-properties-narrowed": (
        "{r} says {rv} for properties that nothing else describes; {w} says {wv} and may write others",
        "describe these properties in {r} or drop `unevaluatedProperties`",
    ),
    "property-names-narrowed": ("{r} refuses property names that {w} allows", "widen `propertyNames` in {r}"),
    "min-properties-raised": ("{r} wants at least {rv} members; {w} says {wv}", "lower `minProperties` in {r}"),
    "max-properties-lowered": ("{r} takes at most {rv} members; {w} says {wv}", "raise `maxProperties` in {r}"),
    "dependency-added": (
        "{r} asks for more when a property is present ({rv}); {w} says {wv}",
        "drop the dependency in {r}, or add it to {w} first",
    ),
    "all-of-narrowed": ("{r} has a condition in `allOf` that {w} does not meet", "drop the condition in {r}"),
    "any-of-narrowed": (
        "something that {w} writes fits no alternative of {r}",
        "add an alternative to `anyOf` in {r} that takes it",
    ),
    "one-of-narrowed": (
        "something that {w} writes fits no alternative of {r}, or more than one",
        "add an alternative to `oneOf` in {r}, or use `anyOf` where alternatives overlap",
    ),
    "not-narrowed": ("{r} excludes {rv}, which {w} may write", "exclude less in {r}"),
    "conditional-narrowed": (
        "`if`, `then`, `else` of {r} refuse something that {w} writes",
        "keep the condition of {w} in {r} and only widen its branches",
    ),
    "not-proven": (
        "no proof was found that {r} accepts everything {w} writes, and no single keyword is to blame",
        "bring the two schemas closer in form, or test the change on recorded data",
    ),
    "too-complex": (
        "the comparison was given up after its limit of steps",
        "split the schema into parts that are compared alone, or make alternatives exclusive by a constant",
    ),
    "unknown-keyword": (
        "keyword {name!r} has no known meaning in this dialect and is not the same on both sides",
        "remove it, name it as an annotation for this comparison, or correct its spelling or `$schema`",
    ),
    "unsupported-keyword": (
        "keyword {name!r} is used in a way that cannot be compared",
        "express the same without it for the comparison",
    ),
    "invalid-schema": ("the value of {name!r} is not what the dialect allows", "correct the schema"),
    "infinite-recursion": (
        "the schema at {name!r} applies itself to the same value without end, so it has no meaning",
        "put the reference below a property or an item",
    ),
    "unresolvable-reference": (
        "the reference {name!r} leads nowhere",
        "correct it, or give the document that it names to the comparison",
    ),
}


def shown(value: Any) -> str:
    """A value, short enough for a sentence."""
    if isinstance(value, Absent):
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def worded(
    code: str, direction: Direction, writer: tuple[str, Any], reader: tuple[str, Any], name: str = ""
) -> Finding:
    """A finding from its code and both places (pointer, value)."""
    old, new = (writer, reader) if direction == "backward" else (reader, writer)
    words = {
        "w": f"the {'old' if direction == 'backward' else 'new'} schema",
        "r": f"the {'new' if direction == 'backward' else 'old'} schema",
        "wv": shown(writer[1]),
        "rv": shown(reader[1]),
        "rk": reader[0].rpartition("/")[2],
        "wk": "none" if writer[1] is ABSENT else f"{writer[0].rpartition('/')[2]} {shown(writer[1])}",
        "name": name,
        "missing": _missing(writer[1], reader[1]),
    }
    message, remedy = SENTENCES[code]
    return Finding(
        code=code,
        direction=direction,
        old_pointer=old[0],
        new_pointer=new[0],
        old_value=old[1],
        new_value=new[1],
        message=_sentence(message.format(**words)),
        remedy=_sentence(remedy.format(**words)),
    )


def _missing(writer: Any, reader: Any) -> str:
    if not isinstance(writer, list):
        return "another value"
    kept = reader if isinstance(reader, list) else [reader]
    return ", ".join(shown(value) for value in writer if value not in kept) or "another value"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
