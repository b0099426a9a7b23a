"""Operations and values as the Python text that an author would write."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from instar.core.formats.shape import MISSING


class NotWritable(ValueError):
    """A value has no literal that a hop's file could hold."""


@dataclass(slots=True)
class Source:
    """Writes values and collects what has to be imported for them, as ``from x import y`` lines need it."""

    imports: dict[str, set[str]] = field(default_factory=dict)

    def call(self, name: str, *arguments: str, **named: str) -> str:
        """``add("channel")``: arguments are text already."""
        self.needs("instar.changes", name)
        return f"{name}({', '.join([*arguments, *(f'{key}={value}' for key, value in named.items())])})"

    def needs(self, module: str, name: str) -> None:
        self.imports.setdefault(module, set()).add(name)

    def value(self, value: Any) -> str:
        """A value as a literal. Raises ``NotWritable``."""
        match value:
            case str():
                return quoted(value)
            case None | bool() | int() | bytes():
                return repr(value)
            case float():
                return self._float(value)
            case Decimal():
                return self._made("decimal", "Decimal", quoted(str(value)))
            case UUID():
                return self._made("uuid", "UUID", quoted(str(value)))
            case datetime():
                return self._datetime(value)
            case date():
                return self._made("datetime", "date", f"{value.year}, {value.month}, {value.day}")
            case time():
                parts = (value.hour, value.minute, value.second, value.microsecond)
                return self._made("datetime", "time", ", ".join(map(str, parts)))
            case list():
                return f"[{', '.join(map(self.value, value))}]"
            case dict():
                return f"{{{', '.join(f'{quoted(key)}: {self.value(each)}' for key, each in value.items())}}}"
            case tuple():
                return f"({', '.join(map(self.value, value))})"
        if value is MISSING:
            self.needs("instar.changes", "MISSING")
            return "MISSING"
        raise NotWritable(type(value).__name__)

    def mapping(self, pairs: dict[Any, Any]) -> str:
        return f"{{{', '.join(f'{self.value(old)}: {self.value(new)}' for old, new in pairs.items())}}}"

    def _float(self, value: float) -> str:
        if value != value or value in (float("inf"), float("-inf")):
            return f'float("{value}")'
        return repr(value)

    def _made(self, module: str, name: str, inside: str) -> str:
        self.needs(module, name)
        return f"{name}({inside})"

    def _datetime(self, value: datetime) -> str:
        parts = [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond]
        text = ", ".join(map(str, parts))
        if value.tzinfo is not None:
            value = value.astimezone(UTC)
            self.needs("datetime", "UTC")
            text += ", tzinfo=UTC"
        return self._made("datetime", "datetime", text)


def quoted(text: str) -> str:
    """A string literal with double quotes, as formatters leave it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")
