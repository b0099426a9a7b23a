"""What a topic of parcels says key by key, and what order would leave there, worked out without instar."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from instar.core.record import Record


def state(records: Iterable[Record]) -> Mapping[tuple[int, bytes | None], bytes | None]:
    """What a compacted topic says: the last record of each key."""
    return {(one.partition, one.key): one.value for one in records}


def reference(records: Iterable[Record]) -> dict[tuple[int, bytes | None], Any]:
    """What order would leave in the target, worked out without instar."""
    last: dict[tuple[int, bytes | None], Any] = {}
    for one in records:
        said = None if one.value is None else json.loads(one.value)
        if said is not None and said.get("name") == "nobody":
            continue
        if said is not None and "name" in said:
            first, _, rest = said.pop("name").partition(" ")
            said |= {"first": first, "last": rest}
        last[one.partition, one.key] = said and {"channel": "WEB", **said}
    return last


def decoded(said: Mapping[tuple[int, bytes | None], bytes | None]) -> dict[tuple[int, bytes | None], Any]:
    return {key: None if value is None else json.loads(value) for key, value in said.items()}
