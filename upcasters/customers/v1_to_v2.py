"""Several mail addresses, one phone number, one store card; a birthday need not be told.

Readers of version 1 need a birthday. For a customer who told none they get 1 January 1900, which no customer has. They
need a mail address too, and there is none to make up: a customer without any is rejected on the way down.
"""

from datetime import date

from instar.changes import allow_null, convert, head, merge, rename, rename_type, when, wrap


def dialled(country: str, number: str) -> str:
    return f"+{country} {number}"


def country_and_number(phone: str) -> tuple[str, str]:
    country, _, number = phone.removeprefix("+").partition(" ")
    return country, number


changes = [
    convert("customer_id", "string -> uuid"),
    wrap("email", "emails"),
    merge(["phone_country", "phone_number"], "phone", up=dialled, down=country_and_number),
    allow_null("birthday", null=date(1900, 1, 1)),
    rename_type("Tier", "LoyaltyTier"),
    head("store_cards", "store_card"),
    when("payment", "Card", [rename("number_end", "last_digits")]),
]

# A country with a space in it, or a phone number without one, comes back cut at another place.
lost = {"up": ["phone_country", "phone_number"], "down": ["phone"]}
