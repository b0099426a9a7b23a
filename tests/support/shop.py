"""A project with an Avro subject of three versions, whose hops rename, convert, fan out, drop and fail."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

V1: Mapping[str, Any] = {
    "type": "record",
    "name": "Sale",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "buyer", "type": "string"},
        {"name": "cents", "type": "long"},
        {"name": "note", "type": ["null", "string"], "default": None},
    ],
}
V2: Mapping[str, Any] = {
    "type": "record",
    "name": "Sale",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "buyer", "type": "string"},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "note", "type": ["null", "string"], "default": None},
    ],
}
V3: Mapping[str, Any] = {
    "type": "record",
    "name": "Sale",
    "namespace": "shop",
    "fields": [
        *V2["fields"],
        {"name": "channel", "type": {"type": "enum", "name": "Channel", "symbols": ["WEB", "SHOP"]}, "default": "WEB"},
    ],
}

# Sales with these ids do something special on the way from v1 to v2.
FAILS, ENDS, BECOMES_TWO = 13, 14, 15

FILES: Mapping[str, Any] = {
    "instar.toml": """
        format = 1
        [environments.local]
        kafka = { "bootstrap.servers" = "127.0.0.1:1" }
        registry = { url = "files" }
        [migrations.sales-v3]
        subjects = ["sales"]
        source = { topic = "sales", framing = "version-header" }
        target = { topic = "sales.v3", version = "v3" }
        """,
    "schemas/sales/v1.avsc": V1,
    "schemas/sales/v2.avsc": V2,
    "schemas/sales/v3.avsc": V3,
    "schemas/sales/subject.toml": 'sensitive = ["buyer"]\n',
    "schemas/sales/examples/first.v1.json": {"id": 1, "buyer": "Ada", "cents": 1250, "note": None},
    "upcasters/sales/v1_to_v2.py": """
        \"\"\"Prices are decimal.\"\"\"
        from decimal import Decimal

        partial = ["up", "down"]

        def upcast(record, context):
            print("a hop may print")
            cents = record.pop("cents")
            if record["id"] == 13:
                raise ValueError(f"unlucky {record['buyer']}")
            if record["id"] == 14:
                return None
            record["price"] = Decimal(cents).scaleb(-2)
            if record["id"] == 15:
                return [record, {**record, "id": 16}]
            return record
        """,
    "upcasters/sales/v2_to_v3.py": """
        \"\"\"Sales have a channel.\"\"\"
        from instar.changes import add

        changes = [add("channel")]
        """,
}


def sale(number: int, **more: Any) -> dict[str, Any]:
    """A sale at v1."""
    return {"id": number, "buyer": f"Ada {number}", "cents": 100 * number + 50, "note": None, **more}


def at_v3(v1: Mapping[str, Any]) -> dict[str, Any]:
    """What an ordinary sale is at v3, worked out without instar."""
    price = Decimal(v1["cents"]) / 100
    return {"id": v1["id"], "buyer": v1["buyer"], "price": price, "note": v1["note"], "channel": "WEB"}
