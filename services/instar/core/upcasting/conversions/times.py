"""Moments and dates: ISO 8601 text, seconds and their parts since 1970, Avro's timestamps and dates.

Text is written as RFC 3339 does, in UTC with ``Z``, with as many digits of the second as are not zero.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from instar.core.upcasting.conversions.conversion import Ends, Form, Made, Make, Unfit, is_text, scalar, short

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Microseconds in one unit of each form.
_UNITS = {"epoch-seconds": 1_000_000, "epoch-millis": 1_000, "epoch-micros": 1}
_WHOLE = ("long", "integer", "int")

FORMS = (
    Form("iso8601", is_text, "string"),
    scalar("timestamp-micros", ("long", "timestamp-micros")),
    scalar("timestamp-millis", ("long", "timestamp-millis")),
    scalar("date", ("int", "date")),
    *(scalar(name, *_WHOLE) for name in _UNITS),
)


def parse_moment(text: str) -> datetime:
    """ISO 8601 text to a moment in UTC. Text without a time zone is refused: which one was meant is not known."""
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise Unfit(f"{short(text)} is not a date and time in ISO 8601") from None
    if moment.tzinfo is None:
        raise Unfit(f"{short(text)} names no time zone, so the moment is not known")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Unfit(f"{short(text)} is outside the years 1 to 9999") from None


def write_moment(moment: datetime) -> str:
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return text.rstrip("0").rstrip(".") + "Z"


def _parse_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except (ValueError, TypeError):
        raise Unfit(f"{short(text)} is not a date in ISO 8601") from None


def _to_millis(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _micros_of(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND


def _moment_at(micros: int) -> datetime:
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise Unfit("the moment is outside the years 1 to 9999") from None


def _whole(value: int | float) -> int:
    if isinstance(value, int):
        return value
    if value.is_integer():
        return int(value)
    raise Unfit(f"{short(value)} is not a whole number")


def _text_to_timestamp(unit: str) -> Make:
    if unit == "timestamp-millis":
        return lambda _ends: Made(lambda text: _to_millis(parse_moment(text)), lossy=True, partial=True)
    return lambda _ends: Made(parse_moment, lossy=True, partial=True)


def _epoch_to_moment(unit: str, *, millis: bool) -> Make:
    size = _UNITS[unit]

    def make(_ends: Ends) -> Made:
        if millis:
            return Made(lambda n: _to_millis(_moment_at(_whole(n) * size)), lossy=size < 1000, partial=True)
        return Made(lambda n: _moment_at(_whole(n) * size), partial=True)

    return make


def _moment_to_epoch(unit: str, *, source_micros: int) -> Make:
    size = _UNITS[unit]

    def make(ends: Ends) -> Made:
        small = getattr(ends.target, "kind", None) == "int"

        def turn(moment: datetime) -> int:
            count = _micros_of(moment) // size
            if small and not -(2**31) <= count < 2**31:
                raise Unfit("the moment does not fit an int")
            return count

        return Made(turn, lossy=size > source_micros, partial=small)

    return make


def _text_to_epoch(unit: str) -> Make:
    def make(ends: Ends) -> Made:
        inner = _moment_to_epoch(unit, source_micros=1)(ends)
        return Made(lambda text: inner.turn(parse_moment(text)), lossy=True, partial=True)

    return make


def _epoch_to_text(unit: str) -> Make:
    size = _UNITS[unit]
    return lambda _ends: Made(lambda n: write_moment(_moment_at(_whole(n) * size)), partial=True)


def _made(made: Made) -> Make:
    return lambda _ends: made


CONVERSIONS: Mapping[tuple[str, str], Make] = {
    ("iso8601", "timestamp-micros"): _text_to_timestamp("timestamp-micros"),
    ("iso8601", "timestamp-millis"): _text_to_timestamp("timestamp-millis"),
    ("timestamp-micros", "iso8601"): _made(Made(write_moment)),
    ("timestamp-millis", "iso8601"): _made(Made(write_moment)),
    ("timestamp-micros", "timestamp-millis"): _made(Made(_to_millis, lossy=True)),
    ("timestamp-millis", "timestamp-micros"): _made(Made(lambda moment: moment)),
    # Other writings of the same day ("20240131", "2024-W05-3") come back as 2024-01-31.
    ("iso8601", "date"): _made(Made(_parse_date, lossy=True, partial=True)),
    ("date", "iso8601"): _made(Made(date.isoformat)),
    **{
        pair: make
        for unit in _UNITS
        for pair, make in {
            (unit, "timestamp-micros"): _epoch_to_moment(unit, millis=False),
            (unit, "timestamp-millis"): _epoch_to_moment(unit, millis=True),
            ("timestamp-micros", unit): _moment_to_epoch(unit, source_micros=1),
            ("timestamp-millis", unit): _moment_to_epoch(unit, source_micros=1000),
            (unit, "iso8601"): _epoch_to_text(unit),
            ("iso8601", unit): _text_to_epoch(unit),
        }.items()
    },
}
