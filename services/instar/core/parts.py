"""What a migration's plan was made from, piece by piece, so that a changed fingerprint can be explained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

CHECKSUM_CHARS = 16


@dataclass(frozen=True, slots=True)
class Parts:
    """Checksums of schemas (``orders/v2``) and hops (``orders/v1_to_v2``), and settings by their dotted path."""

    schemas: Mapping[str, str]
    hops: Mapping[str, str]
    settings: Mapping[str, str]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """From what a fingerprint is made of: ``schemas`` and ``hops`` by name, ``settings`` as nested plain data."""
        return cls(
            {name: str(each)[:CHECKSUM_CHARS] for name, each in content["schemas"].items()},
            {name: str(each)[:CHECKSUM_CHARS] for name, each in content["hops"].items()},
            dict(_flat(content["settings"])),
        )

    def as_dict(self) -> dict[str, dict[str, str]]:
        return {"schemas": dict(self.schemas), "hops": dict(self.hops), "settings": dict(self.settings)}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        return cls(said.get("schemas", {}), said.get("hops", {}), said.get("settings", {}))


def differences(before: Parts, after: Parts) -> list[str]:
    """What changed, one line each."""
    found: list[str] = []
    for what, old, new in (("schema", before.schemas, after.schemas), ("hop", before.hops, after.hops)):
        for name in sorted(old.keys() | new.keys()):
            if name not in new:
                found.append(f"{what} {name} is gone")
            elif name not in old:
                found.append(f"{what} {name} is new")
            elif old[name] != new[name]:
                found.append(f"{what} {name} was edited")
    for name in sorted(before.settings.keys() | after.settings.keys()):
        was, now = before.settings.get(name), after.settings.get(name)
        if was != now:
            found.append(f"setting {name} was {was or 'not set'} and is {now or 'not set'}")
    return found


def _flat(value: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [pair for key, each in value.items() for pair in _flat(each, f"{path}.{key}" if path else str(key))]
    if isinstance(value, list | tuple):
        if any(isinstance(each, Mapping) for each in value):
            return [pair for index, each in enumerate(value) for pair in _flat(each, f"{path}[{index}]")]
        return [(path, ", ".join(map(str, value)))] if value else []
    return [] if value is None else [(path, str(value))]
