"""A registry's document to a schema."""

import json
from typing import Any

from instar.core.formats.avro import parse_avro
from instar.core.formats.json_schema import parse_json
from instar.core.formats.schema import Invalid, Schema
from instar.registry.port import Document


class Unparsed(Exception):
    """A registry's document is not a schema that we can read. ``remedy`` says what to do."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def parse(document: Document) -> Schema:
    """Raises ``Unparsed``."""
    text = _json(document.text)
    references = {name: _json(each) for name, each in document.references.items()}
    try:
        if document.kind == "avro":
            avro: Schema = parse_avro(text, named=references)
            return avro
        return parse_json(text, resources=references)
    except Invalid as error:
        raise Unparsed(str(error), remedy=error.remedy or "Correct the schema where it was registered.") from error


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        # An Avro schema that is one primitive is registered as a bare word by some clients: "string" without quotes.
        if text.strip().isalpha():
            return text.strip()
        raise Unparsed(f"it is not JSON: {error}", remedy="Correct the schema where it was registered.") from error
