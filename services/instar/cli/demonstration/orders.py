"""The demonstration's orders: the same ones every time, at any version, and a few that are broken."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from instar.core.formats.framing.registry_prefix import MAGIC, PREFIX
from instar.core.record import Context
from instar.core.rejected import Rejected
from instar.core.subject import Subject

SEED = 7
BEGAN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PARTITIONS = 4

_NAMES = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Annie Easley", "Edsger Dijkstra", "Barbara Liskov", "Plato")
_STREETS = ("1 Harbour Way", "22 Mill Lane", "7 Station Road", "140 High Street")
_CITIES = ("Lisbon", "Bergen", "Kraków", "Graz", "Gent")
_SKUS = ("TEA-250", "MUG-01", "KETTLE-9", "SPOON-4", "TRAY-2")
_STATUS = ("NEW", "PAID", "SENT", "CANCELLED")
_COUPONS = (None, None, None, "SPRING10")


@dataclass(frozen=True, slots=True)
class Sent:
    """One record to produce. ``new`` records go to the new topic, as programs that were moved already write them."""

    new: bool
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, str | bytes | None]]
    timestamp_ms: int


def orders(subject: Subject, ids: dict[int, int], records: int) -> Iterator[Sent]:
    """``records`` orders: half v1, a quarter v2, the rest v3, most of those written to the new topic.

    ``ids`` are the registry ids of the versions. About one record in two hundred, and at least one of each kind, cannot
    be read or carried; one in a hundred is a tombstone.
    """
    random = Random(SEED)
    broken = max(len(BREAKS), records // 200)
    breaks = dict(zip(sorted(random.sample(range(records), min(broken, records))), _cycle(broken), strict=False))
    for number in range(records):
        version = random.choices((1, 2, 3), (50, 25, 25))[0]
        new = version == 3 and random.random() < 0.8
        customer = random.randrange(500)
        key = None if random.random() < 0.01 else f"customer-{customer}".encode()
        timestamp_ms = int((BEGAN + timedelta(milliseconds=37 * number)).timestamp() * 1000)
        value: bytes | None = _framed(subject, ids, an_order(random, number), version)
        headers: list[tuple[str, str | bytes | None]] = [("source", b"shop"), ("trace", str(number).encode())]
        if number in breaks:
            new, value = False, a_broken_order(random, subject, ids, number, breaks[number])
        elif random.random() < 0.01 and key is not None:
            value = None
        yield Sent(new, customer % PARTITIONS, key, value, headers, timestamp_ms)


def an_order(random: Random, number: int) -> dict[str, Any]:
    """An order at v1. ``created`` is of the demonstration's own January."""
    created = BEGAN + timedelta(seconds=number, microseconds=random.randrange(1_000_000))
    return {
        "order_id": f"A-{100_000 + number}",
        "customer_name": random.choice(_NAMES),
        "street": random.choice(_STREETS),
        "city": random.choice(_CITIES),
        "created": created.isoformat().replace("+00:00", "Z"),
        "status": random.choice(_STATUS),
        "items": [
            {
                "sku": random.choice(_SKUS),
                "qty": random.randint(1, 5),
                "price_cents": random.randrange(50, 20_000),
            }
            for _ in range(random.randint(1, 3))
        ],
        "coupon": random.choice(_COUPONS),
    }


def _framed(subject: Subject, ids: dict[int, int], order: dict[str, Any], version: int) -> bytes:
    chain = subject.chain(1, version)
    if isinstance(chain, Rejected):
        raise TypeError(chain.message)
    folded = chain.fold(order, Context())
    if isinstance(folded, Rejected):
        raise TypeError(folded.message)
    body = subject.versions[version].encode(folded[0])
    if isinstance(body, Rejected):
        raise TypeError(body.message)
    return PREFIX.pack(MAGIC, ids[version]) + body


BREAKS = ("truncated", "unknown-id", "wrong-magic", "random-bytes", "no-date")


def _cycle(count: int) -> Iterator[str]:
    return (BREAKS[place % len(BREAKS)] for place in range(count))


def a_broken_order(random: Random, subject: Subject, ids: dict[int, int], number: int, how: str) -> bytes:
    """What an order became that was broken in one of the ways of ``BREAKS``."""
    order = an_order(random, number)
    if how == "no-date":
        return _framed(subject, ids, order | {"created": "last Tuesday"}, 1)
    value = _framed(subject, ids, order, 1)
    match how:
        case "truncated":
            return value[: len(value) // 2]
        case "unknown-id":
            return PREFIX.pack(MAGIC, 999_999_999) + value[PREFIX.size :]
        case "wrong-magic":
            return b"\x7f" + value[1:]
    return random.randbytes(40)
