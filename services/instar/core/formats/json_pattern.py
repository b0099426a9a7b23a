"""Text that matches a regular expression (ECMA-262, the dialect of JSON Schema's ``pattern``), drawn at random.

Read are literals, classes, escapes, groups, alternatives, quantifiers and anchors. A look-around is skipped and a word
boundary taken as empty, so that what is drawn may fail to match: the caller checks it against the real expression and
draws again. Back-references and ``\\p`` classes other than letters and digits are not read: ``Unreadable``.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

Draw = Callable[["Random"], str]

_REPEAT = 4  # how often something without an upper limit is repeated at most beyond its lower limit
_REPEAT_LIMIT = 1000  # the largest {n} that is drawn
_NEST_LIMIT = 100  # groups inside groups

_DIGITS: Final = frozenset(string.digits)
_WORDS: Final = frozenset(string.ascii_letters + string.digits + "_")
_SPACES: Final = frozenset(" \t\n")
_VISIBLE: Final = frozenset(string.ascii_letters + string.digits + string.punctuation + " éßλ中")
_CLASSES: Final = {
    "d": _DIGITS,
    "D": _VISIBLE - _DIGITS,
    "w": _WORDS,
    "W": _VISIBLE - _WORDS,
    "s": _SPACES,
    "S": _VISIBLE - _SPACES,
}
_CATEGORIES: Final = {
    "L": frozenset("abcXYZéßλ"),
    "Letter": frozenset("abcXYZéßλ"),
    "Lu": frozenset("ABCXYZÉ"),
    "Ll": frozenset("abcxyzéß"),
    "N": _DIGITS,
    "Nd": _DIGITS,
}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_LOOK_AROUND: Final = ("?=", "?!", "?<=", "?<!")


class Unreadable(Exception):
    """The expression uses something this module does not read."""


def pattern_draw(pattern: str) -> Draw:
    """A function that draws text for the expression. Raises ``Unreadable``."""
    reader = _Reader(pattern)
    draw = reader.alternatives(0)
    if reader.at < len(pattern):
        raise Unreadable(f"')' without '(' at {reader.at}")
    return draw


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.at = 0

    def alternatives(self, depth: int) -> Draw:
        if depth > _NEST_LIMIT:
            raise Unreadable("groups nested too deeply")
        branches = [self._sequence(depth)]
        while self._take("|"):
            branches.append(self._sequence(depth))
        return branches[0] if len(branches) == 1 else lambda random: random.choice(branches)(random)

    def _sequence(self, depth: int) -> Draw:
        parts: list[Draw] = []
        while self.at < len(self._pattern) and self._pattern[self.at] not in "|)":
            parts.append(self._quantified(self._atom(depth)))
        return lambda random: "".join([part(random) for part in parts])

    def _atom(self, depth: int) -> Draw:
        char = self._next()
        if char == "(":
            return self._group(depth)
        if char == "[":
            return _one_of(self._class())
        if char == "\\":
            return self._escape()
        if char in "^$":
            return lambda _random: ""
        if char == ".":
            return _one_of(_VISIBLE)
        if char in "*+?":
            raise Unreadable(f"nothing to repeat at {self.at - 1}")
        return lambda _random: char

    def _group(self, depth: int) -> Draw:
        skipped = False
        if self._take("?:"):
            pass
        elif any(self._take(each) for each in _LOOK_AROUND):
            skipped = True
        elif self._take("?<"):
            end = self._pattern.find(">", self.at)
            if end < 0:
                raise Unreadable("group name without an end")
            self.at = end + 1
        elif self._take("?"):
            raise Unreadable("group flags")
        inner = self.alternatives(depth + 1)
        if not self._take(")"):
            raise Unreadable("'(' without ')'")
        return (lambda _random: "") if skipped else inner

    def _escape(self) -> Draw:
        char = self._next()
        if char in "bB":
            return lambda _random: ""
        if char in "pP" or char in _CLASSES:
            return _one_of(self._escaped_class(char))
        if char.isdigit() and char != "0":
            raise Unreadable("back-reference")
        text = self._escaped_char(char)
        return lambda _random: text

    def _escaped_class(self, char: str) -> frozenset[str]:
        if char in _CLASSES:
            return _CLASSES[char]
        end = self._pattern.find("}", self.at)
        name = self._pattern[self.at + 1 : end] if self._pattern[self.at : self.at + 1] == "{" and end > 0 else ""
        if name not in _CATEGORIES:
            raise Unreadable(f"\\{char}{{{name}}}")
        self.at = end + 1
        return _CATEGORIES[name] if char == "p" else _VISIBLE - _CATEGORIES[name]

    def _escaped_char(self, char: str) -> str:
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "c":
            return chr(ord(self._next()) % 32)
        if char in "xu":
            length = 2 if char == "x" else 4
            digits = self._pattern[self.at : self.at + length]
            if self._take("{"):
                end = self._pattern.find("}", self.at)
                digits, length = self._pattern[self.at : end], end + 1 - self.at
            try:
                code = int(digits, 16)
                text = chr(code)
                text.encode()
            except (ValueError, OverflowError) as error:
                raise Unreadable(f"\\{char}{digits}") from error
            self.at += length
            return text
        return char

    def _class(self) -> frozenset[str]:
        negated = self._take("^")
        chars: set[str] = set()
        while not self._take("]"):
            low = self._class_part()
            if not isinstance(low, str):
                chars |= low
                continue
            high: str | frozenset[str] = low
            if self._pattern[self.at : self.at + 1] == "-" and self._pattern[self.at + 1 : self.at + 2] not in (
                "]",
                "",
            ):
                self.at += 1
                high = self._class_part()
            if not isinstance(high, str):  # [a-\d] is a, -, and the digits
                chars |= {low, "-"} | high
            else:
                chars |= {chr(code) for code in _spread(ord(low), ord(high))}
        if not negated:
            return frozenset(chars)
        rest = _VISIBLE - chars
        if not rest:
            raise Unreadable("a class that excludes everything known here")
        return rest

    def _class_part(self) -> str | frozenset[str]:
        char = self._next()
        if char != "\\":
            return char
        char = self._next()
        if char == "b":
            return "\b"
        if char in _CLASSES or char in "pP":
            return self._escaped_class(char)
        return self._escaped_char(char)

    def _quantified(self, part: Draw) -> Draw:
        low, high = 1, 1
        if self._take("*"):
            low, high = 0, _REPEAT
        elif self._take("+"):
            low, high = 1, 1 + _REPEAT
        elif self._take("?"):
            low, high = 0, 1
        elif (bounds := self._bounds()) is not None:
            low, high = bounds
        else:
            return part
        self._take("?")  # lazy or greedy: the text is the same
        return lambda random: "".join(
            [part(random) for _ in range(random.choice((low, high, random.randint(low, high))))]
        )

    def _bounds(self) -> tuple[int, int] | None:
        end = self._pattern.find("}", self.at)
        if self._pattern[self.at : self.at + 1] != "{" or end < 0:
            return None
        first, comma, last = self._pattern[self.at + 1 : end].partition(",")
        if not first.isdecimal() or not (last.isdecimal() or last == ""):
            return None
        self.at = end + 1
        low = int(first)
        high = int(last) if last else low + _REPEAT if comma else low
        if high > _REPEAT_LIMIT or low > high:
            raise Unreadable(f"{{{first}{comma}{last}}}")
        return low, min(high, low + 16)

    def _take(self, text: str) -> bool:
        if self._pattern.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _next(self) -> str:
        if self.at >= len(self._pattern):
            raise Unreadable("the expression ends in the middle")
        self.at += 1
        return self._pattern[self.at - 1]


def _spread(low: int, high: int) -> list[int]:
    """Both ends of a range and some between: a class such as all of Unicode is not listed. Surrogates are left out."""
    if low > high:
        raise Unreadable("a range that runs backwards")
    step = max(1, (high - low) // 64)
    codes = {*range(low, high + 1, step), high}
    return [code for code in codes if not 0xD800 <= code <= 0xDFFF]


def _one_of(chars: frozenset[str]) -> Draw:
    if not chars:
        raise Unreadable("an empty class")
    ordered = sorted(chars)  # the order of a set differs from run to run, a sample must not
    return lambda random: random.choice(ordered)
