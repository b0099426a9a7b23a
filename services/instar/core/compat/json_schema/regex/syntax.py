"""Reading ``pattern``: the regular part of ECMA-262 regular expressions.

What is not regular or not portable (look-around, back references, word boundaries, Unicode properties,
anchors in the middle) is not read: ``parse`` returns None and the pattern stays opaque. Meanings are those of
ECMA-262, which JSON Schema names: ``\\d`` and ``\\w`` are ASCII, ``.`` is everything but line terminators.
"""

from dataclasses import dataclass
from typing import TypeAlias

MAX_CODE = 0x10FFFF
#: More copies of a part than this are not unrolled; the pattern stays opaque.
MAX_REPEAT = 256

Ranges: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of these ranges of code points, both ends included."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after the other."""

    parts: tuple["Regex", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the parts."""

    parts: tuple["Regex", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part from ``least`` to ``most`` times (None: without limit)."""

    part: "Regex"
    least: int
    most: int | None


Regex: TypeAlias = Chars | Sequence | Choice | Repeat


@dataclass(frozen=True, slots=True)
class Anchored:
    """One top-level alternative: its expression and whether it is tied to the start and the end of the
    string."""

    regex: Regex
    start: bool
    end: bool


class Irregular(Exception):
    """The pattern uses what this reader does not read. Never leaves this module."""


@dataclass(frozen=True, slots=True)
class _Anchor:
    end: bool


_Item: TypeAlias = Regex | _Anchor


def normal(ranges: list[tuple[int, int]]) -> Ranges:
    """Ranges sorted, merged."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], high))
        else:
            result.append((low, high))
    return tuple(result)


def complement(ranges: Ranges) -> Ranges:
    """Every code point that is in none of the ranges."""
    result, next_code = [], 0
    for low, high in ranges:
        if low > next_code:
            result.append((next_code, low - 1))
        next_code = high + 1
    if next_code <= MAX_CODE:
        result.append((next_code, MAX_CODE))
    return tuple(result)


DIGIT = normal([(48, 57)])
WORD = normal([(48, 57), (65, 90), (95, 95), (97, 122)])
SPACE = normal(
    [(9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
     (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)]
)  # fmt: skip
DOT = complement(normal([(10, 10), (13, 13), (0x2028, 0x2029)]))
ANY: Ranges = ((0, MAX_CODE),)
_CLASSES = {"d": DIGIT, "w": WORD, "s": SPACE, "D": complement(DIGIT), "W": complement(WORD), "S": complement(SPACE)}
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self) -> str:
        char = self.peek()
        if not char:
            raise Irregular
        self.at += 1
        return char

    def eat(self, text: str) -> bool:
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def alternatives(self) -> list[list[_Item]]:
        result = [self.sequence()]
        while self.eat("|"):
            result.append(self.sequence())
        return result

    def sequence(self) -> list[_Item]:
        items: list[_Item] = []
        while self.peek() not in ("", "|", ")"):
            if self.eat("^"):
                items.append(_Anchor(end=False))
            elif self.eat("$"):
                items.append(_Anchor(end=True))
            else:
                items.append(self.repeated(self.single()))
        return items

    def single(self) -> Regex:
        char = self.take()
        if char == "(":
            return self.group()
        if char == "[":
            return Chars(self.char_class())
        if char == ".":
            return Chars(DOT)
        if char == "\\":
            return Chars(self.escape(in_class=False))
        if char in "*+?{}]":
            raise Irregular
        return Chars(((ord(char), ord(char)),))

    def group(self) -> Regex:
        if self.eat("?") and not self.eat(":"):
            if not self.eat("<") or self.peek() in ("=", "!"):
                raise Irregular
            while self.take() != ">":
                pass
        inner = _plain(self.alternatives())
        if not self.eat(")"):
            raise Irregular
        return inner

    def repeated(self, part: Regex) -> Regex:
        bounds = self.quantifier()
        if bounds is None:
            return part
        self.eat("?")
        least, most = bounds
        largest = least if most is None else most
        if largest > MAX_REPEAT or largest < least or (self.peek() and self.peek() in "*+?{"):
            raise Irregular
        return Repeat(part, least, most)

    def quantifier(self) -> tuple[int, int | None] | None:
        for char, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.eat(char):
                return bounds
        if not self.eat("{"):
            return None
        least = self.digits()
        most: int | None = least
        if self.eat(","):
            most = None if self.peek() == "}" else self.digits()
        if not self.eat("}"):
            raise Irregular
        return least, most

    def digits(self) -> int:
        start = self.at
        while self.peek().isascii() and self.peek().isdigit():
            self.at += 1
        if start == self.at:
            raise Irregular
        return int(self.text[start : self.at])

    def escape(self, *, in_class: bool) -> Ranges:
        char = self.take()
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROLS:
            code = _CONTROLS[char]
        elif char == "b" and in_class:
            code = 8
        elif char == "0" and not self.peek().isdigit():
            code = 0
        elif char in ("x", "u"):
            code = self.hexadecimal(2 if char == "x" else 4)
        elif char.isalnum() or char == "_":
            raise Irregular
        else:
            code = ord(char)
        return ((code, code),)

    def hexadecimal(self, width: int) -> int:
        digits = self.text[self.at : self.at + width]
        if len(digits) != width or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
            raise Irregular
        self.at += width
        code = int(digits, 16)
        if 0xD800 <= code <= 0xDFFF:
            raise Irregular
        return code

    def char_class(self) -> Ranges:
        negated = self.eat("^")
        ranges: list[tuple[int, int]] = []
        while not self.eat("]"):
            low = self.class_member()
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self.class_member()
                if len(low) != 1 or len(high) != 1 or low[0][0] != low[0][1] or high[0][0] < low[0][0]:
                    raise Irregular
                if high[0][0] != high[0][1]:
                    raise Irregular
                ranges.append((low[0][0], high[0][0]))
            else:
                ranges.extend(low)
        return complement(normal(ranges)) if negated else normal(ranges)

    def class_member(self) -> Ranges:
        char = self.take()
        if char == "\\":
            return self.escape(in_class=True)
        if char == "[" or (char == "&" and self.peek() == "&") or (char == "~" and self.peek() == "~"):
            raise Irregular  # set notation in some engines, plain characters in others
        return ((ord(char), ord(char)),)


def _plain(alternatives: list[list[_Item]]) -> Regex:
    parts: list[Regex] = []
    for items in alternatives:
        plain = [item for item in items if not isinstance(item, _Anchor)]
        if len(plain) != len(items):
            raise Irregular
        parts.append(plain[0] if len(plain) == 1 else Sequence(tuple(plain)))
    return parts[0] if len(parts) == 1 else Choice(tuple(parts))


def _anchored(items: list[_Item]) -> Anchored:
    start = bool(items) and items[0] == _Anchor(end=False)
    items = items[1:] if start else items
    end = bool(items) and items[-1] == _Anchor(end=True)
    items = items[:-1] if end else items
    return Anchored(_plain([items]), start, end)


def parse(pattern: str) -> tuple[Anchored, ...] | None:
    """The alternatives of a pattern, or None where it is outside the regular, portable part."""
    reader = _Reader(pattern)
    try:
        alternatives = reader.alternatives()
        if reader.peek():
            return None
        return tuple(_anchored(items) for items in alternatives)
    except Irregular:
        return None
