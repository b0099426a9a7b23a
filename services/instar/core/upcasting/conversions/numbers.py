"""Numbers: cents and decimals, wider and narrower kinds, and numbers written as text.

Nothing is rounded and nothing wraps around: a number that the other kind cannot hold exactly is rejected, except
where a wider kind of lower precision is meant (``long -> double``), which is a declared loss.
"""

import math
import re
import struct
from collections.abc import Mapping
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from instar.core.formats.shape import Shape
from instar.core.upcasting.conversions.conversion import (
    Ends,
    Form,
    Made,
    Make,
    Turn,
    Unfit,
    constraint,
    is_text,
    scalar,
    short,
)

BITS = {"int": 31, "long": 63}
_EXACT = Context(prec=10_000)  # scaling by a power of ten must not round: the default context keeps 28 digits
_WHOLE_TEXT = re.compile(r"[+-]?[0-9]+\Z")
_DECIMAL_TEXT = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")
_FLOAT_TEXT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_LONGEST_TEXT_DIGITS = 400  # beyond any Avro number; Python itself stops at 4,300

FORMS = (
    scalar("cents", "int", "long", "integer"),
    scalar("decimal", ("bytes", "decimal"), ("fixed", "decimal")),
    scalar("int", "int"),
    scalar("long", "long"),
    scalar("float", "float"),
    scalar("double", "double"),
    scalar("integer", "integer"),
    scalar("number", "number"),
    Form("string", is_text, "string"),
)


def _check_range(kind: str) -> Turn:
    bits = BITS.get(kind)
    if bits is None:
        return lambda value: value
    low, high = -(1 << bits), (1 << bits) - 1

    def turn(value: int) -> int:
        if low <= value <= high:
            return value
        raise Unfit(f"{short(value)} does not fit {'an int' if kind == 'int' else 'a long'}")

    return turn


def _kind(shape: Shape) -> str:
    return str(getattr(shape, "kind", ""))


def check_decimal(shape: Shape) -> Turn:
    """A decimal as the target holds it: exactly, with its scale and within its precision."""
    scale = constraint(shape, "scale") or 0
    precision = constraint(shape, "precision")
    unit = Decimal(1).scaleb(-scale)

    def turn(value: Decimal) -> Decimal:
        try:
            exact = value.quantize(unit, context=_EXACT)
        except InvalidOperation:  # not a number, or far beyond any precision
            raise Unfit(f"{short(value)} is no decimal of the new type") from None
        if exact != value:
            raise Unfit(f"{short(value)} has more than the {scale} decimal places of the new type")
        if precision is not None and exact and exact.adjusted() + scale >= precision:
            raise Unfit(f"{short(value)} has more than the {precision} digits of the new type")
        return exact

    return turn


def _digits_fit(source_digits: int, source_scale: int, target: Shape) -> bool:
    """Whether every number of so many digits is a value of the target decimal."""
    scale, precision = constraint(target, "scale") or 0, constraint(target, "precision")
    if precision is None:
        return scale >= source_scale
    return scale >= source_scale and precision - scale >= source_digits - source_scale


def _cents_to_decimal(ends: Ends) -> Made:
    check = check_decimal(ends.target)
    digits = {"int": 10, "long": 19}.get(_kind(ends.source), 10**6)
    whole = _whole_number
    return Made(
        lambda cents: check(Decimal(whole(cents)).scaleb(-2, context=_EXACT)),
        partial=not _digits_fit(digits, 2, ends.target),
    )


def _decimal_to_cents(ends: Ends) -> Made:
    check = _check_range(_kind(ends.target))
    scale, precision = constraint(ends.source, "scale") or 0, constraint(ends.source, "precision")

    def turn(value: Decimal) -> int:
        cents = value.scaleb(2, context=_EXACT)
        if cents != cents.to_integral_value():
            raise Unfit(f"{short(value)} is not a whole number of cents")
        return int(check(int(cents)))

    room = {"int": 9, "long": 18}.get(_kind(ends.target), 10**6)
    fits = scale <= 2 and precision is not None and precision + 2 - scale <= room
    return Made(turn, partial=not fits)


def _decimal_to_decimal(ends: Ends) -> Made:
    precision, scale = constraint(ends.source, "precision"), constraint(ends.source, "scale") or 0
    fits = precision is not None and _digits_fit(precision, scale, ends.target)
    return Made(check_decimal(ends.target), partial=not fits)


def _widen(_ends: Ends) -> Made:
    return Made(lambda value: value)


def _to_floating(ends: Ends) -> Made:
    """A whole number to a float or double; beyond 24 or 53 bits digits are lost."""
    source, target = _kind(ends.source), _kind(ends.target)
    exact = target in ("double", "number") and source == "int"
    if target == "float":
        return Made(lambda value: to_single(float(value)), lossy=True)
    return Made(float, lossy=not exact)


def to_single(value: float) -> float:
    """The nearest number that 32 bits hold."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        raise Unfit(f"{short(value)} does not fit a float") from None


def _whole_number(value: Any) -> int:
    """A whole number out of one that may be written as 5.0. Minus zero is not a whole number: its sign would go."""
    if isinstance(value, int):
        return value
    if not math.isfinite(value) or value != int(value) or (value == 0 and math.copysign(1, value) < 0):
        raise Unfit(f"{short(value)} is not a whole number")
    return int(value)


def _to_whole(ends: Ends) -> Made:
    check = _check_range(_kind(ends.target))
    return Made(lambda value: check(_whole_number(value)), partial=True)


def _narrow_whole(ends: Ends) -> Made:
    return Made(_check_range(_kind(ends.target)), partial=True)


def _text_to_whole(ends: Ends) -> Made:
    check = _check_range(_kind(ends.target))

    def turn(text: str) -> int:
        if not _WHOLE_TEXT.match(text) or len(text) > _LONGEST_TEXT_DIGITS:
            raise Unfit(f"{short(text)} is not a whole number")
        return int(check(int(text)))

    return Made(turn, lossy=True, partial=True)


def _text_to_decimal(ends: Ends) -> Made:
    check = check_decimal(ends.target)

    def turn(text: str) -> Decimal:
        if not _DECIMAL_TEXT.match(text) or len(text) > _LONGEST_TEXT_DIGITS:
            raise Unfit(f"{short(text)} is not a decimal number")
        value: Decimal = check(Decimal(text))
        return value

    return Made(turn, lossy=True, partial=True)


def _text_to_floating(ends: Ends) -> Made:
    single = _kind(ends.target) == "float"

    def turn(text: str) -> float:
        if not _FLOAT_TEXT.match(text) or len(text) > _LONGEST_TEXT_DIGITS:
            raise Unfit(f"{short(text)} is not a number")
        value = float(text)
        if math.isinf(value):
            raise Unfit(f"{short(text)} does not fit a {'float' if single else 'double'}")
        return to_single(value) if single else value

    return Made(turn, lossy=True, partial=True)


def _floating_to_text(_ends: Ends) -> Made:
    def turn(value: float) -> str:
        if not math.isfinite(value):
            raise Unfit(f"{value} cannot be written as a number")
        return repr(value)

    return Made(turn, partial=True)


def _whole_to_text(_ends: Ends) -> Made:
    return Made(lambda value: str(_whole_number(value)))


def _decimal_to_text(_ends: Ends) -> Made:
    return Made(lambda value: f"{value:f}")


_FLOATING = ("float", "double", "number")
_WHOLE = ("int", "long", "integer")

CONVERSIONS: Mapping[tuple[str, str], Make] = {
    ("cents", "decimal"): _cents_to_decimal,
    ("decimal", "cents"): _decimal_to_cents,
    ("decimal", "decimal"): _decimal_to_decimal,
    ("int", "long"): _widen,
    ("long", "int"): _narrow_whole,
    ("float", "double"): _widen,
    ("double", "float"): lambda _ends: Made(to_single, lossy=True, partial=True),
    ("integer", "number"): _widen,
    ("number", "integer"): _to_whole,
    **{(whole, floating): _to_floating for whole in ("int", "long") for floating in ("float", "double")},
    **{(floating, whole): _to_whole for whole in ("int", "long") for floating in ("float", "double")},
    **{("string", whole): _text_to_whole for whole in _WHOLE},
    **{(whole, "string"): _whole_to_text for whole in _WHOLE},
    **{("string", floating): _text_to_floating for floating in _FLOATING},
    **{(floating, "string"): _floating_to_text for floating in _FLOATING},
    ("string", "decimal"): _text_to_decimal,
    ("decimal", "string"): _decimal_to_text,
}
