"""Decimal prices, a total; coupons end."""

from decimal import Decimal
from typing import Any

from instar.changes import compute, convert, drop, inside, rename


def total_of(items: list[dict[str, Any]]) -> Decimal:
    # Counted in whole cents: Decimal's own arithmetic would round beyond 28 digits.
    cents = sum(item["quantity"] * int(item["unit_price"].scaleb(2)) for item in items)
    return Decimal(f"{cents}E-2")


changes = [
    inside(
        "items[]",
        [
            rename("qty", "quantity"),
            rename("price_cents", "unit_price"),
            convert("unit_price", "cents -> decimal"),
        ],
    ),
    compute("total", reads=["items"], up=total_of),
    drop("coupon", restore=None),
]
