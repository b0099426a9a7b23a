"""The demonstration's customers, made up, at v1."""

from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

_NAMES = ("ada", "grace", "alan", "annie", "edsger", "barbara", "plato")
_TIERS = ("BASIC", "BASIC", "SILVER", "GOLD")
_COUNTRIES = ("31", "351", "43", "47", "48")
_BORN = date(1950, 1, 1)


def a_customer(random: Random) -> dict[str, Any]:
    """A customer who signed up, or changed something."""
    name = random.choice(_NAMES)
    card = {"number_end": f"{random.randrange(10_000):04}", "expires": f"{random.randint(1, 12):02}/29"}
    invoice = {"days_to_pay": random.choice((14, 30))}
    return {
        "customer_id": str(UUID(int=random.getrandbits(128), version=4)),
        "email": f"{name}.{random.randrange(1000)}@example.com",
        "phone_country": random.choice(_COUNTRIES),
        "phone_number": f"{random.randrange(10_000_000):07}",
        "birthday": _BORN + timedelta(days=random.randrange(20_000)),
        "tier": random.choice(_TIERS),
        "store_cards": [f"{random.randrange(10_000):04}-{random.randrange(10_000):04}"] * random.choice((0, 1)),
        "payment": random.choice((("shop.Card", card), ("shop.Invoice", invoice))),
    }
