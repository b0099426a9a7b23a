"""The line of a place in a JSON text, because ``json`` keeps values only and a finding has to say where."""

import json
import re

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.S)
_SCALAR = re.compile(r"[^\s,\]}]+")


def line_of_pointer(text: str, pointer: str) -> int | None:
    """The 1-based line of a JSON pointer (RFC 6901) in a text that has been parsed before.

    None when the pointer leads nowhere in this text, and for the root.
    """
    if not pointer.startswith("/"):
        return None
    wanted = tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))
    at = _find(text, wanted)
    return None if at is None else text.count("\n", 0, at) + 1


def _find(text: str, wanted: tuple[str, ...]) -> int | None:
    """The index at which the place begins: of a field its key, of an element its value."""
    at = _skip(text, 0)
    found = at
    for part in wanted:
        match text[at : at + 1]:
            case "{":
                place = _field(text, at, part)
            case "[" if part.isdecimal():
                place = _element(text, at, int(part))
            case _:
                return None
        if place is None:
            return None
        found, at = place
    return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _field(text: str, at: int, name: str) -> tuple[int, int] | None:
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        key = _STRING.match(text, at)
        if key is None:
            return None
        value = _skip(text, _skip(text, key.end()) + 1)
        if json.loads(key[0]) == name:
            return at, value
        at = _next(text, value)
    return None


def _element(text: str, at: int, index: int) -> tuple[int, int] | None:
    at = _skip(text, at + 1)
    for _ in range(index):
        if text[at : at + 1] in ("]", ""):
            return None
        at = _next(text, at)
    return None if text[at : at + 1] in ("]", "") else (at, at)


def _next(text: str, at: int) -> int:
    """Past a value and the comma after it."""
    at = _skip(text, _past(text, at))
    return _skip(text, at + 1) if text[at : at + 1] == "," else at


def _past(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        character = text[at]
        if character in "{[":
            depth += 1
            at += 1
        elif character in "}]":
            depth -= 1
            at += 1
        elif character == '"':
            match = _STRING.match(text, at)
            at = match.end() if match else len(text)
        elif character in " \t\r\n,:":
            at += 1
            continue
        else:
            match = _SCALAR.match(text, at)
            at = match.end() if match else len(text)
        if depth == 0:
            return at
    return at
