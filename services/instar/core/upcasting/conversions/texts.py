"""Text and what is written as text: booleans, UUIDs, the symbols of an enum, bytes."""

import base64
import binascii
from collections.abc import Mapping
from uuid import UUID

from instar.core.formats.shape import Enum
from instar.core.upcasting.conversions.conversion import (
    Ends,
    Form,
    Made,
    Make,
    Unfit,
    is_symbol,
    is_text,
    scalar,
    short,
)

FORMS = (
    Form("string", is_text, "string"),
    scalar("boolean", "boolean"),
    scalar("uuid", ("string", "uuid"), ("fixed", "uuid")),
    Form("enum", is_symbol, "enum"),
    scalar("bytes", "bytes", "fixed"),
    Form("base64", is_text, "string"),
)

_BOOLEANS = {"true": True, "false": False}


def _text_to_boolean(_ends: Ends) -> Made:
    def turn(text: str) -> bool:
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        raise Unfit(f"{short(text)} is neither true nor false")

    return Made(turn, partial=True)


def _boolean_to_text(_ends: Ends) -> Made:
    return Made(lambda value: "true" if value else "false")


def _text_to_uuid(ends: Ends) -> Made:
    """Of JSON, whose UUIDs are text, the writing is kept; of Avro 32 hexadecimal digits in any writing are read."""

    def turn(text: str) -> UUID:
        try:
            return UUID(text)
        except (ValueError, AttributeError):
            raise Unfit(f"{short(text)} is not a UUID") from None

    def check(text: str) -> str:
        if str(turn(text)) != text.lower():
            raise Unfit(f"{short(text)} is not a UUID as RFC 9562 writes it")
        return text

    return Made(turn, lossy=True, partial=True) if ends.avro else Made(check, partial=True)


def _uuid_to_text(_ends: Ends) -> Made:
    return Made(str)


def _text_to_symbol(ends: Ends) -> Made:
    symbols = frozenset(ends.target.symbols if isinstance(ends.target, Enum) else ())

    def turn(text: str) -> str:
        if text in symbols:
            return text
        raise Unfit(f"{short(text)} is not one of the symbols of the enum")

    return Made(turn, partial=True)


def _symbol_to_text(_ends: Ends) -> Made:
    return Made(lambda symbol: symbol)


def _sized(ends: Ends, data: bytes) -> bytes:
    """Bytes as the target holds them: a fixed takes only its own size."""
    size = dict(getattr(ends.target, "constraints", ())).get("size")
    if isinstance(size, int) and len(data) != size:
        raise Unfit(f"{len(data)} bytes are not the {size} of the fixed type")
    return data


def _is_fixed(ends: Ends) -> bool:
    return getattr(ends.target, "kind", "") == "fixed"


def _bytes_to_text(_ends: Ends) -> Made:
    def turn(data: bytes) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise Unfit("the bytes are not UTF-8 text") from None

    return Made(turn, partial=True)


def _text_to_bytes(ends: Ends) -> Made:
    def turn(text: str) -> bytes:
        try:
            return _sized(ends, text.encode("utf-8"))
        except UnicodeEncodeError:
            raise Unfit("the text holds half a surrogate pair, which UTF-8 cannot write") from None

    return Made(turn, partial=_is_fixed(ends))


def _bytes_to_base64(_ends: Ends) -> Made:
    return Made(lambda data: base64.b64encode(data).decode("ascii"))


def _base64_to_bytes(ends: Ends) -> Made:
    """RFC 4648 section 4, and only its canonical writing, so that the same text comes back."""

    def turn(text: str) -> bytes:
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            data = None
        if data is None or base64.b64encode(data).decode("ascii") != text:
            raise Unfit(f"{short(text)} is not base64")
        return _sized(ends, data)

    return Made(turn, partial=True)


CONVERSIONS: Mapping[tuple[str, str], Make] = {
    ("string", "boolean"): _text_to_boolean,
    ("boolean", "string"): _boolean_to_text,
    ("string", "uuid"): _text_to_uuid,
    ("uuid", "string"): _uuid_to_text,
    ("string", "enum"): _text_to_symbol,
    ("enum", "string"): _symbol_to_text,
    ("string", "bytes"): _text_to_bytes,
    ("bytes", "string"): _bytes_to_text,
    ("bytes", "base64"): _bytes_to_base64,
    ("base64", "bytes"): _base64_to_bytes,
}
