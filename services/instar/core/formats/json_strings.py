"""Strings for samples: values of the formats that JSON Schema names, and plain text with its edge cases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    from random import Random

_WORDS = ("a", "ada", "lovelace", "order", "north", "kiosk", "x1", "zebra")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_EDGES = ("", " ", "a b", "é", "日本", "😀", 'say "hi"', "back\\slash", "line\nbreak", "null", "0", "\u0000", "\u2028")
LENGTH_LIMIT = 100_000  # characters of the longest text that is drawn


def text(random: Random, shortest: int, longest: int | None) -> str:
    """Text of ``shortest`` to ``longest`` characters (code points, as minLength counts them)."""
    fitting = [edge for edge in _EDGES if shortest <= len(edge) and (longest is None or len(edge) <= longest)]
    if fitting and random.random() < 0.3:
        return random.choice(fitting)
    most = shortest + 12 if longest is None else min(longest, max(shortest, min(longest, shortest + 40)))
    length = random.choice((shortest, most, random.randint(shortest, most), random.randint(shortest, most)))
    if length > LENGTH_LIMIT:
        length = shortest
    if length > 3 and random.random() < 0.7:
        words = " ".join(random.choices(_WORDS, k=length // 2 + 1))
        return words[: length - 1] + random.choice(_LETTERS)
    return "".join(random.choices(_LETTERS, k=length))


def _word(random: Random) -> str:
    return random.choice(_WORDS)


def _date(random: Random) -> str:
    return random.choice(
        (
            "1970-01-01",
            "2024-02-29",
            "9999-12-31",
            (date(1990, 1, 1) + timedelta(days=random.randrange(20_000))).isoformat(),
        )
    )


def _time(random: Random) -> str:
    clock = f"{random.randrange(24):02}:{random.randrange(60):02}:{random.randrange(60):02}"
    fraction = random.choice(("", "", f".{random.randrange(1000):03}", f".{random.randrange(10**6):06}"))
    return clock + fraction + random.choice(("Z", "Z", "+00:00", "+05:30", "-08:00"))


def _date_time(random: Random) -> str:
    if random.random() < 0.5:
        return f"{_date(random)}T{_time(random)}"
    moment = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(2 * 10**9))
    zone = random.choice((UTC, timezone(timedelta(hours=2))))
    return moment.astimezone(zone).isoformat().replace("+00:00", "Z")


def _email(random: Random) -> str:
    return f"{_word(random)}.{_word(random)}{random.randrange(100)}@{_word(random)}.example.org"


def _host(random: Random) -> str:
    return ".".join([_word(random) for _ in range(random.randrange(3))] + ["example.org"])


def _uri(random: Random) -> str:
    path = "".join(f"/{_word(random)}" for _ in range(random.randrange(4)))
    query = random.choice(("", "", f"?q={_word(random)}&n={random.randrange(10)}", "#top"))
    return f"{random.choice(('https', 'https', 'http', 'ftp'))}://{_host(random)}{path}{query}"


def _duration(random: Random) -> str:
    return random.choice(("P1D", "PT0S", f"PT{random.randrange(1, 60)}M", f"P{random.randrange(1, 9)}Y2M", "P3W"))


FORMATS: Final[dict[str, Callable[[Random], str]]] = {
    "date-time": _date_time,
    "date": _date,
    "time": _time,
    "duration": _duration,
    "email": _email,
    "idn-email": _email,
    "hostname": _host,
    "idn-hostname": _host,
    "ipv4": lambda random: ".".join(str(random.randrange(256)) for _ in range(4)),
    "ipv6": lambda random: random.choice(("::1", "::", ":".join(f"{random.randrange(65_536):x}" for _ in range(8)))),
    "uri": _uri,
    "iri": _uri,
    "uri-reference": lambda random: random.choice((_uri(random), f"../{_word(random)}", f"#{_word(random)}", "")),
    "iri-reference": lambda random: random.choice((_uri(random), f"../{_word(random)}")),
    "uri-template": lambda random: (
        _uri(random).split("?")[0].split("#")[0] + random.choice(("{/id}", "{?page,size}", ""))
    ),
    "uuid": lambda random: str(UUID(int=random.getrandbits(128), version=4)),
    "json-pointer": lambda random: "".join(f"/{_word(random)}" for _ in range(random.randrange(4))),
    "relative-json-pointer": lambda random: f"{random.randrange(3)}/{_word(random)}",
    "regex": lambda random: random.choice(("^a+$", "[0-9]{3}", ".*")),
}
