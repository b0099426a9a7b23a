"""A topic that holds orders of this repository's v1, v2 and v3 side by side, and a project that knows them."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.folders import write_files

REPOSITORY = Path(__file__).resolve().parents[2]
VERSIONS = (1, 2, 3)

_SETTINGS = """
    format = 1

    [environments.local]
    kafka = {{ "bootstrap.servers" = "127.0.0.1:9092" }}
    registry = {{ url = "{registry}" }}
    """


def orders_project(root: Path, registry: str = "files") -> Path:
    """The subject ``orders`` with its hops, and the registry whose ids the topic's records have."""
    for kind in ("schemas", "upcasters"):
        shutil.copytree(REPOSITORY / kind / "orders", root / kind / "orders")
    return write_files(root, {"instar.toml": _SETTINGS.format(registry=registry)})


def order(number: int) -> dict[str, Any]:
    """One order as v1 has it; nothing that a later version would lose."""
    return {
        "order_id": f"A-{number}",
        "customer_name": "Ada Lovelace",
        "street": f"{number} Harbour Way",
        "city": "Lisbon",
        "created": "2026-01-05T08:00:00.000001Z",
        "status": "SENT",
        "items": [
            {"sku": "TEA-250", "qty": number, "price_cents": 195},
            {"sku": "CUP-1", "qty": 2, "price_cents": 1250},
        ],
        "coupon": None,
    }


def mixed(records: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Orders with the version that each is written at: the three take turns."""
    for number in range(records):
        yield VERSIONS[number % len(VERSIONS)], order(number)


def write_models(root: Path, folder: str) -> Path:
    """What `instar client types orders --out FOLDER` writes."""
    command = [sys.executable, "-m", "instar", "client", "types", "orders", "--out", folder]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=120)
    return root / folder
