"""Settings that are resolved late: ``env:NAME`` and ``file:PATH``, and how a secret is kept from being shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Plain = str | int | float | bool

MASK = "***"

_SECRET_KEY = re.compile(r"password|passwd|secret|token|user\.info|credential|\.pem$|jaas|oauthbearer\.config", re.I)
_URL_PASSWORD = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^/@\s:]*:)[^/@\s]+(?=@)", re.I)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Unresolved(Exception):
    """A setting names a variable or a file that is not there. ``remedy`` says what to do."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True, repr=False)
class Late:
    """One value of the settings: a literal, ``env:NAME`` or ``file:PATH`` (relative to the project root).

    ``str()`` and ``repr()`` never show a secret: a reference is shown as it is written, a literal under a key that
    sounds like a secret is ``***``, and so is the password inside a URL.
    """

    raw: Plain
    key: str = ""

    @classmethod
    def of(cls, raw: Any, key: str = "") -> Self:
        """Raises ValueError when the value is not one, or when a reference is malformed."""
        if not isinstance(raw, str | int | float | bool):
            raise ValueError(f"expected a string, a number or true/false, found {_kind(raw)}")  # noqa: TRY004
        if isinstance(raw, str):
            scheme, colon, name = raw.partition(":")
            if scheme == "env" and colon and not _ENV_NAME.match(name):
                raise ValueError(f"`env:` must be followed by the name of a variable, found `env:{name}`")
            if scheme == "file" and colon and not name:
                raise ValueError("`file:` must be followed by a path")
        return cls(raw, key)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """A model holds it as it is and dumps what may be shown."""
        return core_schema.is_instance_schema(cls, serialization=core_schema.plain_serializer_function_ser_schema(str))

    @property
    def is_reference(self) -> bool:
        return isinstance(self.raw, str) and self.raw.startswith(("env:", "file:"))

    @property
    def holds_secret(self) -> bool:
        """Is a secret written right here, instead of a reference to it?"""
        if self.is_reference or not isinstance(self.raw, str):
            return False
        return bool(self.raw and _SECRET_KEY.search(self.key)) or _URL_PASSWORD.search(self.raw) is not None

    def resolve(self, environ: Mapping[str, str], root: Path) -> Plain:
        """The value itself; of a file, its text without the line end. Raises ``Unresolved``."""
        if not isinstance(self.raw, str):
            return self.raw
        scheme, _, name = self.raw.partition(":")
        if scheme == "env":
            if name not in environ:
                raise Unresolved(
                    f"{self._place()}the environment variable {name} is not set",
                    remedy=f"set it, for example: export {name}=...",
                )
            return environ[name]
        if scheme == "file":
            path = root / name
            try:
                return path.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise Unresolved(
                    f"{self._place()}the file {name} cannot be read: {reason}",
                    remedy="make the file readable for the user that instar runs as; paths start at the project root",
                ) from error
        return self.raw

    def _place(self) -> str:
        return f"{self.key}: " if self.key else ""

    def __str__(self) -> str:
        if self.is_reference or not isinstance(self.raw, str):
            return str(self.raw)
        if self.raw and _SECRET_KEY.search(self.key):
            return MASK
        return _URL_PASSWORD.sub(rf"\g<head>{MASK}", self.raw)

    def __repr__(self) -> str:
        return f"Late({str(self)!r})"


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    return "an array" if isinstance(value, list) else type(value).__name__
