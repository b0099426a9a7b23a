"""Names of schemas as names of Python: the same schema always gives the same ones, and none of them is taken twice."""

import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable

_WORD = re.compile(r"[^\W_]+")
_UPPER_CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*\Z")

IMPORTED = frozenset(
    [
        "Annotated",
        "Any",
        "AwareDatetime",
        "BaseModel",
        "Branches",
        "ClassVar",
        "ConfigDict",
        "Decimal",
        "Field",
        "Literal",
        "NaiveDatetime",
        "RootModel",
        "StrEnum",
        "TypeAlias",
        "UUID",
        "annotations",
        "dt",
    ]
)
"""What the modules import: no class has such a name, and no field, since a field's default hides it in the class."""

_BUILT_IN = frozenset(["bool", "bytes", "dict", "float", "int", "list", "str", "tuple"])

_OF_MODELS = frozenset(
    [
        "construct",
        "copy",
        "dict",
        "from_orm",
        "json",
        "parse_file",
        "parse_obj",
        "parse_raw",
        "schema",
        "schema_json",
        "update_forward_refs",
        "validate",
        "instar_subject",
        "instar_version",
        "root",
    ]
)
"""Attributes of pydantic's BaseModel (those with ``model_`` apart), and what our models say of themselves."""

_OF_ENUMS = frozenset(("name", "value", "mro", "names", "values", *(each for each in dir(str) if each[0] != "_")))


def class_name(name: str, taken: Collection[str]) -> str:
    """``order_item`` is ``OrderItem``; what is taken gets a number."""
    made = name if _UPPER_CAMEL.match(name) else "".join(word[:1].upper() + word[1:] for word in _WORD.findall(name))
    made = unicodedata.normalize("NFKC", made)
    if not made.isidentifier():
        made = f"Type{made}" if f"Type{made}".isidentifier() else "Type"
    if keyword.iskeyword(made) or made in IMPORTED:
        made += "Type"
    return _free(made, taken, "")


def field_names(wires: Iterable[str], classes: Collection[str]) -> dict[str, str]:
    """Names for the fields of a model, by their names in the record.

    A name stays where Python and pydantic take it. No other one gets the name of another field in the record, so that
    a value is never read into the wrong field.
    """
    return _named(list(wires), IMPORTED | _BUILT_IN | _OF_MODELS | frozenset(classes), "model_")


def symbol_names(symbols: Iterable[str]) -> dict[str, str]:
    """Names for the members of an enumeration, by its symbols."""
    return _named(list(symbols), _OF_ENUMS, "")


def module_name(text: str) -> str:
    """``github-member`` is ``github_member``."""
    return _plain(text).lower()


def _named(wires: list[str], reserved: frozenset[str], prefix: str) -> dict[str, str]:
    fine = {
        wire for wire in wires if _is_fine(wire) and wire not in reserved and not (prefix and wire.startswith(prefix))
    }
    taken = {*wires, *reserved}
    made: dict[str, str] = {}
    for wire in wires:
        if wire in fine:
            made[wire] = wire
            continue
        plain = _plain(wire)
        if prefix and plain.startswith(prefix):
            plain = f"field_{plain}"
        made[wire] = _free(plain if plain not in taken and not keyword.iskeyword(plain) else f"{plain}_", taken, "_")
        taken.add(made[wire])
    return made


def _is_fine(name: str) -> bool:
    return (
        name.isidentifier()
        and not name.startswith("_")
        and not keyword.iskeyword(name)
        and unicodedata.normalize("NFKC", name) == name
    )


def _plain(text: str) -> str:
    """An identifier that is most like the text; not yet a free one."""
    made = unicodedata.normalize("NFKC", "_".join(_WORD.findall(unicodedata.normalize("NFKC", text))))
    if made.isidentifier():
        return made
    return f"field_{made}" if f"field_{made}".isidentifier() else "field"


def _free(name: str, taken: Collection[str], between: str) -> str:
    made, number = name, 1
    while made in taken or keyword.iskeyword(made):
        number += 1
        made = f"{name.removesuffix('_')}{between}{number}"
    return made
