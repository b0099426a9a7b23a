"""Customers have two names, addresses are records, times are timestamps."""

from instar.changes import add, convert, map_values, move, split


def split_name(name: str) -> tuple[str, str]:
    first, _, last = name.partition(" ")
    return (first, last) if last else (name, "")


def join_name(first: str, last: str) -> str:
    return f"{first} {last}" if last else first


changes = [
    split("customer_name", ["customer.first", "customer.last"], up=split_name, down=join_name),
    move("street", "address.street"),
    move("city", "address.city"),
    convert("created", "iso8601 -> timestamp-micros"),
    map_values("status", {"SENT": "SHIPPED"}),
    add("channel"),
]

# "Anna Maria" + "Weiss" goes down as one line and comes up again as "Anna" + "Maria Weiss".
lost = {"down": ["customer.first", "customer.last"]}
