"""Unions of several named Avro types in generated models: the class of a value says which branch it is.

A plain value of such a union is the pair ``(full name, value)``. Models hold the value itself, ``Card | Cash``, and
this annotation takes the pair apart when a record is read and puts it together when it is written.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_OTHERS: Final = ""  # the branches without a name; a full name is never empty


class Branches:
    """``Annotated[Card | Cash | None, Branches({"Card": "shop.Card", "Cash": "shop.Cash"})]``: full names by class."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices: dict[str, CoreSchema] = {}
        others: list[CoreSchema] = []
        for branch in get_args(source):
            name = self._names.get(getattr(branch, "__name__", ""))
            schema = handler.generate_schema(branch)
            if name is None:
                others.append(schema)
            else:
                choices[name] = _paired(name, schema)
        if others:
            choices[_OTHERS] = core_schema.union_schema(list(others)) if len(others) > 1 else others[0]
        return core_schema.tagged_union_schema(choices, self._branch_of)

    def _branch_of(self, value: Any) -> str:
        if _is_pair(value) and value[0] in self._names.values():
            return str(value[0])
        return self._names.get(type(value).__name__, _OTHERS)


def _is_pair(value: Any) -> bool:
    # A list is what a pair becomes in JSON.
    return isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[0], str)


def _paired(name: str, schema: CoreSchema) -> CoreSchema:
    def opened(value: Any) -> Any:
        return value[1] if _is_pair(value) and value[0] == name else value

    def closed(value: Any, inner: Callable[[Any], Any]) -> tuple[str, Any]:
        return name, inner(value)

    writing = core_schema.wrap_serializer_function_ser_schema(closed, schema=schema)
    return core_schema.no_info_before_validator_function(opened, schema, serialization=writing)
