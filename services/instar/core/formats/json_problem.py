"""What a validator found, as a sentence about a field that tells the rule and never the payload.

The texts are made from the schema's side of an error (the limit, the pattern, the allowed values) and from the type of
what was found; the validator's own messages quote the value and are not used.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import jsonschema_rs

from instar.core.formats.json_path import Step, path_text
from instar.core.rejected import Rejected

_SHOWN = 5  # allowed values listed in a message
_DESCENT_LIMIT = 32  # alternatives inside alternatives


def rejection(error: jsonschema_rs.ValidationError, code: str) -> Rejected:
    """The rejection for a validation error: the deepest cause inside alternatives, when one alternative was meant."""
    error = _cause(error)
    steps: list[Step] = list(error.instance_path)
    kind: Any = error.kind
    if kind.name == "required":
        steps.append(kind.property)
        text = "is required and absent"
    elif kind.name in ("additionalProperties", "unevaluatedProperties") and kind.unexpected:
        steps.append(kind.unexpected[0])
        more = len(kind.unexpected) - 1
        text = "is not a field of the schema" + (f" ({more} more beside it are not either)" if more else "")
    else:
        tell = _TEXTS.get(kind.name)
        text = tell(kind, error.instance) if tell is not None else f"breaks the rule {kind.name!r}"
    path = path_text(steps)
    return Rejected(code, f"{path or 'The record'} {text}.", path=path or None)


def type_name(value: Any) -> str:
    """JSON's name of a value's type."""
    if value is None:
        return "null"
    for types, name in ((bool, "boolean"), (int, "integer"), (str, "string"), (dict, "object"), (list, "array")):
        if isinstance(value, types):
            return name
    return "number"


def _cause(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """Down into ``anyOf`` and ``oneOf``, as long as exactly one alternative is of the value's own type."""
    for _ in range(_DESCENT_LIMIT):
        kind: Any = error.kind
        if kind.name not in ("anyOf", "oneOf") or isinstance(
            kind, jsonschema_rs.ValidationErrorKind.OneOfMultipleValid
        ):
            return error
        here = len(error.instance_path)
        meant = [branch for branch in kind.context if branch and not any(_is_other(each, here) for each in branch)]
        if len(meant) != 1:
            return error
        error = meant[0][0]
    return error


def _is_other(error: jsonschema_rs.ValidationError, depth: int) -> bool:
    """Whether the error says that an alternative is about something else: another type, another constant."""
    kind: Any = error.kind
    return len(error.instance_path) == depth and kind.name in ("type", "const", "enum", "falseSchema")


def _values(options: Sequence[Any]) -> str:
    shown = ", ".join(
        repr(each) if not isinstance(each, (dict, list)) else type_name(each) for each in options[:_SHOWN]
    )
    return shown + (f" and {len(options) - _SHOWN} more" if len(options) > _SHOWN else "")


def _types(kind: Any, value: Any) -> str:
    return f"is {_article(type_name(value))}; the schema expects {' or '.join(map(_article, kind.types))}"


def _article(name: str) -> str:
    if name == "null":
        return "null"
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


_TEXTS: Final[dict[str, Callable[[Any, Any], str]]] = {
    "type": _types,
    "enum": lambda kind, _: f"is not one of the allowed values: {_values(kind.options)}",
    "const": lambda kind, _: f"is not the only allowed value: {_values([kind.expected_value])}",
    "minimum": lambda kind, _: f"is below the minimum {kind.limit}",
    "maximum": lambda kind, _: f"is above the maximum {kind.limit}",
    "exclusiveMinimum": lambda kind, _: f"is not above {kind.limit}",
    "exclusiveMaximum": lambda kind, _: f"is not below {kind.limit}",
    "multipleOf": lambda kind, _: f"is not a multiple of {kind.multiple_of}",
    "minLength": lambda kind, _: f"is shorter than {kind.limit} characters",
    "maxLength": lambda kind, _: f"is longer than {kind.limit} characters",
    "pattern": lambda kind, _: f"does not match the pattern {kind.pattern!r}",
    "minItems": lambda kind, value: f"has {len(value)} elements, fewer than {kind.limit}",
    "maxItems": lambda kind, value: f"has {len(value)} elements, more than {kind.limit}",
    "minProperties": lambda kind, value: f"has {len(value)} fields, fewer than {kind.limit}",
    "maxProperties": lambda kind, value: f"has {len(value)} fields, more than {kind.limit}",
    "uniqueItems": lambda _, __: "has elements that are equal; they must differ",
    "contains": lambda _, __: "has no element, too few or too many of the kind that 'contains' asks for",
    "additionalItems": lambda kind, _: f"has more than the {kind.limit} elements that the schema describes",
    "unevaluatedItems": lambda _, __: "has elements that the schema does not describe",
    "falseSchema": lambda _, __: "is present; the schema allows no value here",
    "not": lambda _, __: "matches what the schema excludes by 'not'",
    "anyOf": lambda kind, _: f"matches none of the {len(kind.context)} alternatives of the schema",
    "oneOf": lambda kind, value: _one_of(kind, value),
    "propertyNames": lambda _, __: "has a field name that the schema does not allow",
}


def _one_of(kind: Any, _value: Any) -> str:
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.OneOfMultipleValid):
        return "matches several alternatives of 'oneOf'; exactly one must match"
    return f"matches none of the {len(kind.context)} alternatives of the schema"
