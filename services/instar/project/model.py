"""What the models of settings and of ``subject.toml`` share: versions, topics, nearest names, findings from errors."""

import difflib
import re
from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from instar.core.finding import Finding
from instar.core.version import parse_label
from instar.project.late import Late
from instar.project.toml_lines import KeyPath, TomlLines

_DURATION = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}\Z")  # Kafka's own rule, org.apache.kafka.common.internals.Topic


class Strict(BaseModel):
    """Unknown keys are errors, nothing is converted silently, and a read model never changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


def wrong(message: str, remedy: str = "") -> PydanticCustomError:
    """An error of one of our validators; the remedy travels in its context."""
    context = {"text": message, "remedy": remedy}
    return PydanticCustomError("instar", "{text}", context)


def _version(value: Any) -> int:
    number = parse_label(value) if isinstance(value, str) else None
    if number is None:
        hint = f"v{value}" if isinstance(value, int) and not isinstance(value, bool) and value > 0 else "v3"
        raise wrong(f"a version is written like `{hint}`", f'write "{hint}"')
    return number


def _topic(value: Any) -> str:
    if not isinstance(value, str) or not _TOPIC.match(value) or value in (".", ".."):
        raise wrong(
            "this is not the name of a topic", "a topic has 1 to 249 of the characters A-Z a-z 0-9 . _ - (Kafka's rule)"
        )
    return value


def _late(value: Any, info: ValidationInfo) -> Late:
    if isinstance(value, Late):
        return value
    try:
        return Late.of(value, info.field_name or "")
    except ValueError as error:
        raise wrong(str(error)) from error


def duration_s(value: Any) -> int:
    """The seconds of ``"30s"``, ``"5m"``, ``"1h"`` or ``"7d"``; for a ``BeforeValidator``."""
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise wrong("a duration is a whole number and s, m, h or d", 'write "30s", "5m", "1h" or "7d"')
    return int(match[1]) * _SECONDS[match[2]]


Version = Annotated[int, BeforeValidator(_version)]
TopicName = Annotated[str, BeforeValidator(_topic)]
LateValue = Annotated[Late, BeforeValidator(_late)]
Names = Annotated[tuple[str, ...], Field(strict=False)]  # TOML has arrays, a frozen model has tuples


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant, None when none is close."""
    candidates = list(known)
    close = difflib.get_close_matches(name.lower(), [each.lower() for each in candidates], n=1, cutoff=0.6)
    return next((each for each in candidates if close and each.lower() == close[0]), None)


def did_you_mean(name: str, known: Iterable[str], nothing_known: str = "remove it") -> str:
    """A remedy that names the nearest known name, and else all of them; ``nothing_known`` where there are none."""
    names = sorted(known)
    close = nearest(name, names)
    if close is not None:
        return f"did you mean `{close}`?"
    return f"known here: {', '.join(names)}" if names else nothing_known


def dotted(path: KeyPath) -> str:
    """``("source", "topic")`` is ``source.topic``; names with dots are quoted as TOML would, indexes are ``[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
            text += f".{name}" if text else name
    return text


def findings_of(
    error: ValidationError, model: type[BaseModel], *, file: str, lines: TomlLines, prefix: KeyPath, code: str
) -> list[Finding]:
    """Every error of a validation as a finding that names the key, the line and what to write instead.

    ``prefix`` is where the model begins in the file: ``("tool", "instar")`` in pyproject.toml. Values are never
    quoted, since a misplaced one may be a secret.
    """
    found = []
    for each in error.errors(include_url=False):
        location: KeyPath = each["loc"]
        message, remedy = _say(each["type"], location, each.get("ctx") or {}, each["input"], model)
        found.append(
            Finding(
                code=f"{code}-unknown-key" if each["type"] == "extra_forbidden" else code,
                message=message,
                remedy=remedy,
                file=file,
                line=lines.line_of((*prefix, *location)),
                path=dotted(location),
            )
        )
    return found


_EXPECTED = {
    "string_type": "a string in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "tuple_type": "an array like [ ... ]",
    "list_type": "an array like [ ... ]",
    "dict_type": "a table",
    "model_type": "a table",
}


def _keys(model: type[BaseModel]) -> list[str]:
    """As they are written: a key that is also the name of a method of every model has an alias."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _say(kind: str, location: KeyPath, context: dict[str, Any], value: Any, model: type[BaseModel]) -> tuple[str, str]:
    name = dotted(location)
    last = str(location[-1]) if location else name
    match kind:
        case "extra_forbidden":
            owner = model_at(model, location[:-1])
            return f"unknown key `{name}`", did_you_mean(last, _keys(owner) if owner else ())
        case "missing":
            return f"`{name}` is missing", f"add `{last} = ...`"
        case "literal_error":
            allowed = str(context["expected"]).replace("'", "`")
            close = nearest(value, re.findall(r"`([^`]+)`", allowed)) if isinstance(value, str) else None
            return f"`{name}` must be {allowed}", f"did you mean `{close}`?" if close else f"write {allowed}"
        case "instar":
            return f"`{name}`: {context['text']}" if name else str(context["text"]), str(context["remedy"])
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            ((bound, limit),) = context.items()
            words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}[bound]
            return f"`{name}` must be {words} {limit}", f"write a number that is {words} {limit}"
        case "too_short" | "string_too_short":
            return f"`{name}` is empty", "name at least one"
        case _:
            expected = _EXPECTED.get(kind, "another value")
            return f"`{name}` must be {expected}", f"write {expected}"


def model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The model that stands at a place below another model."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = field.annotation if field else None
        elif get_origin(current) is dict:
            current = get_args(current)[1]
        elif get_origin(current) in (tuple, list):
            current = get_args(current)[0]
        else:
            return None
        current = _plain(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _plain(annotation: Any) -> Any:
    """Without Annotated and without ``| None``."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        arguments = [each for each in get_args(annotation) if each is not type(None)]
        annotation = arguments[0]
    return annotation
