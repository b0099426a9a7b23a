"""The canonical form of a JSON Schema: the same text for the same rules, however they are split into files.

References are resolved and definitions are named in the order in which they are met (``d0``, ``d1``, ...), names of a
JSON object stand in sorted order, ``required``, ``type`` and ``enum`` are sorted because their order means nothing,
whole floats are written as integers (RFC 8785, section 3.2.2.3 prints both alike), annotations are left out except
``default``, ``format`` and the content keywords. The dialect is part of the text: a keyword may mean another thing in
another dialect. A schema written in place and the same schema referred to are *not* the same text.
"""

from hashlib import sha256
from typing import Any

from instar.core.formats.json_bundle import ROOT, Bundle
from instar.core.formats.json_dialect import Node, replaced
from instar.core.formats.json_text import write_json
from instar.core.formats.schema import Invalid
from instar.core.rejected import Rejected

_SORTED = frozenset(("required", "type", "enum"))
_VALUES = frozenset(("default", "const"))  # kept as written: a default's 1.0 is a value that records will carry


def canonical(bundle: Bundle) -> str:
    """The canonical form of a whole schema. Raises ``Invalid`` when it holds a value that is not JSON."""
    return canonical_text(bundle, bundle.root, {"$schema": bundle.dialect.uri})


def canonical_text(bundle: Bundle, node: Node, extra: dict[str, Any] | None = None) -> str:
    """The canonical form of one node, with the definitions it uses. Equal texts mean equal rules."""
    names: dict[str, str] = {}
    pending: list[Node] = []

    def rename(each: Node) -> Node:
        if isinstance(each, bool):
            return each
        # Definitions are named in the order in which they are met, so that properties must be met in one order, too.
        ordered = {key: _by_name(each[key]) for key in sorted(each)}
        reference = ordered.get("$ref")
        if reference is not None:
            name, target = bundle.target(reference)
            if name == ROOT and node is bundle.root:
                ordered["$ref"] = "#"
            else:
                if name not in names:
                    names[name] = f"d{len(names)}"
                    pending.append(target)
                ordered["$ref"] = f"#/$defs/{names[name]}"
        return {key: _tidy(key, value) for key, value in replaced(ordered, lambda inner, _way: rename(inner)).items()}

    top = rename(node)
    if isinstance(top, bool) or (not pending and not extra):
        return _text(top)
    definitions: dict[str, Node] = {}
    while pending:
        target = pending.pop(0)
        definitions[f"d{len(definitions)}"] = rename(target)
    return _text({**(extra or {}), **top, **({"$defs": definitions} if definitions else {})})


def fingerprint(canonical_form: str) -> str:
    """SHA-256 of the canonical form's UTF-8 bytes, hexadecimal."""
    return sha256(canonical_form.encode()).hexdigest()


def _by_name(value: Any) -> Any:
    return {name: value[name] for name in sorted(value)} if isinstance(value, dict) else value


def _tidy(key: str, value: Any) -> Any:
    if key in _VALUES:
        return value
    if key == "type" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if key in _SORTED and isinstance(value, list):
        return sorted({_text(each): each for each in value}.values(), key=_text)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _text(value: Any) -> str:
    data = write_json(_sorted(value))
    if isinstance(data, Rejected):
        raise Invalid(f"The schema holds a value that is not JSON: {data.message}", where=data.path or "")
    return data.decode()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(each) for each in value]
    return value
