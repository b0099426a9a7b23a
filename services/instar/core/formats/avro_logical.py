"""Logical types: what Avro stores to what Python means, exactly and back. (Avro specification 1.12, "Logical Types".)

A value that Python or the type itself cannot hold is refused, never rounded: a decimal beyond its precision, a moment
outside of the years 1 to 9999, a time of day outside of its day, a millisecond type given microseconds.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any, Final
from uuid import UUID

from instar.core.formats.avro_types import Logical
from instar.core.rejected import INVALID_INPUT, UNREADABLE

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_LOCAL: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a local timestamp has no zone
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY_US: Final = 86_400_000_000
_FIRST_US: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST_US: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_MOMENTS_US: Final = (_FIRST_US, _LAST_US)
_MOMENTS_MS: Final = (-(-_FIRST_US // 1000), _LAST_US // 1000)
# Which stored integers mean a value, first and last, by the logical type's name. Each is written back as itself.
STORED_RANGES: Final = {
    "date": (date.min.toordinal() - _EPOCH_DAY, date.max.toordinal() - _EPOCH_DAY),
    "time-millis": (0, _DAY_US // 1000 - 1),
    "time-micros": (0, _DAY_US - 1),
    "timestamp-millis": _MOMENTS_MS,
    "timestamp-micros": _MOMENTS_US,
    "local-timestamp-millis": _MOMENTS_MS,
    "local-timestamp-micros": _MOMENTS_US,
}
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\Z")
# Only exponents move in this context, so that the precision costs nothing and nothing is ever rounded.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)

_LONG_AGO = "lies outside of the years 1 to 9999"


class Unfit(Exception):
    """A stored value, or a default, that its type cannot mean. The message continues a sentence: ``it ...``."""

    def __init__(self, message: str, code: str = UNREADABLE) -> None:
        super().__init__(message)
        self.code = code


def to_value(logical: Logical) -> Callable[[Any], Any]:
    """The function from the stored int, str or bytes to the value. It raises ``Unfit``."""
    match logical.name:
        case "decimal":
            return _decimal_reader(logical)
        case "uuid":
            return lambda stored: UUID(bytes=stored) if type(stored) is bytes else _read_uuid(stored)
        case "date":
            return _read_date
        case "time-millis":
            return _time_reader(1000)
        case "time-micros":
            return _time_reader(1)
        case name:
            epoch = _EPOCH_LOCAL if name.startswith("local-") else _EPOCH
            return _timestamp_reader(epoch, 1000 if name.endswith("millis") else 1)


def to_stored(logical: Logical) -> Callable[[Any], Any]:
    """The function from a valid value to what is stored: int, str, for a decimal its unscaled int.

    A UUID is given as its text; ``avro_write`` takes the bytes of one that is stored in a fixed itself.
    """
    match logical.name:
        case "decimal":
            scale = logical.scale
            return lambda value: int(value.scaleb(scale, _EXACT)) if value else 0  # 0E+99999 has no quick int
        case "uuid":
            return str
        case "date":
            return lambda value: value.toordinal() - _EPOCH_DAY
        case "time-millis":
            return lambda value: time_us(value) // 1000
        case "time-micros":
            return time_us
        case name:
            epoch = _EPOCH_LOCAL if name.startswith("local-") else _EPOCH
            unit = timedelta(milliseconds=1) if name.endswith("millis") else _MICROSECOND
            return lambda value: (value - epoch) // unit


def problem_of(logical: Logical) -> tuple[type, Callable[[Any], str | None]]:
    """The type that values have, exactly, and what is wrong with a value of that type: ``has ...``, or None."""
    match logical.name:
        case "decimal":
            return Decimal, _decimal_problem(logical)
        case "uuid":
            return UUID, _no_problem
        case "date":
            return date, _no_problem
        case "time-millis":
            return time, _coarse_time_problem
        case "time-micros":
            return time, _time_problem
        case name:
            is_coarse = name.endswith("millis")
            if name.startswith("local-"):
                return datetime, _coarse_local_problem if is_coarse else _local_problem
            return datetime, _coarse_moment_problem if is_coarse else _moment_problem


def time_us(value: time) -> int:
    """Microseconds since midnight."""
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond


# ---------------------------------------------------------------------------------------------------- reading


def _decimal_reader(logical: Logical) -> Callable[[bytes], Decimal]:
    limit, shift, precision = 10**logical.precision, -logical.scale, logical.precision
    exact = _EXACT

    def read(data: bytes) -> Decimal:
        if not data:
            raise Unfit("is a decimal without bytes")
        unscaled = int.from_bytes(data, "big", signed=True)
        if not -limit < unscaled < limit:  # also keeps a megabyte of digits from being converted
            raise Unfit(f"has more than {precision} digits", INVALID_INPUT)
        return Decimal(unscaled).scaleb(shift, exact)

    return read


def _read_uuid(text: str) -> UUID:
    if not _UUID.match(text):  # UUID() itself also takes braces, underscores and a missing hyphen
        raise Unfit("is not a UUID")
    return UUID(text)


def _read_date(days: int) -> date:
    try:
        return date.fromordinal(days + _EPOCH_DAY)
    except (ValueError, OverflowError) as error:
        raise Unfit(_LONG_AGO) from error


def _time_reader(unit_us: int) -> Callable[[int], time]:
    def read(units: int) -> time:
        micros = units * unit_us
        if not 0 <= micros < _DAY_US:
            raise Unfit("is not a time within a day", INVALID_INPUT)
        seconds, micros = divmod(micros, 1_000_000)
        minutes, seconds = divmod(seconds, 60)
        return time(minutes // 60, minutes % 60, seconds, micros)

    return read


def _timestamp_reader(epoch: datetime, unit_us: int) -> Callable[[int], datetime]:
    def read(units: int) -> datetime:
        try:
            return epoch + timedelta(0, 0, units * unit_us)
        except OverflowError as error:
            raise Unfit(_LONG_AGO) from error

    return read


# ---------------------------------------------------------------------------------------------------- validating


def _no_problem(_value: Any) -> None:
    return None


def _decimal_problem(logical: Logical) -> Callable[[Decimal], str | None]:
    scale, limit_digits = logical.scale, logical.precision

    def problem(value: Decimal) -> str | None:
        if not value.is_finite():
            return "is not a finite number"
        if not value:
            return None
        if value.adjusted() + scale >= limit_digits:
            return f"has more than {limit_digits - scale} digits before the point"
        scaled = value.scaleb(scale, _EXACT)
        if scaled != scaled.to_integral_value():
            return f"has more than {scale} digits after the point"
        return None

    return problem


def _time_problem(value: time) -> str | None:
    return None if value.tzinfo is None else "has a time zone"


def _coarse_time_problem(value: time) -> str | None:
    return _time_problem(value) or _fraction(value)


def _moment_problem(value: datetime) -> str | None:
    if value.tzinfo is UTC:
        return None
    if value.tzinfo is None or value.utcoffset() is None:
        return "has no time zone"
    return None if _FIRST_US <= (value - _EPOCH) // _MICROSECOND <= _LAST_US else f"{_LONG_AGO} in UTC"


def _coarse_moment_problem(value: datetime) -> str | None:
    return _moment_problem(value) or _fraction(value)


def _local_problem(value: datetime) -> str | None:
    return None if value.tzinfo is None else "has a time zone"


def _coarse_local_problem(value: datetime) -> str | None:
    return _local_problem(value) or _fraction(value)


def _fraction(value: time | datetime) -> str | None:
    return "is finer than a millisecond" if value.microsecond % 1000 else None
