"""A source schema as a record of symbols."""

from typing import Any

from instar.core.formats.avro_types import LIMIT_DEPTH, Array, Named, Node, Record, Types, is_empty
from instar.core.upcasting.paths import join
from instar.core.upcasting.spans.nodes import recursive
from instar.core.upcasting.spans.symbols import Each, Leaf, Loop, Unsupported

LIMIT_LEAVES = 1_000
LIMIT_ARRAYS = 8  # arrays within arrays: each is a block in the generated code, and Python allows 20


class Source:
    """The leaves and loops of one schema. ``record`` is what the operations are run on."""

    def __init__(self, types: Types) -> None:
        self.types = types
        self.leaves: list[Leaf] = []
        self.loops: list[Loop] = []
        self.top = self._loop(None)
        self.record = self._expand(types.root, self.top, 0, "")
        if not isinstance(self.record, dict):
            raise Unsupported("the source is not a record, or one that may hold its own kind")

    def _loop(self, parent: Loop | None) -> Loop:
        loop = Loop(len(self.loops), parent, 0 if parent is None else len(parent.elements))
        self.loops.append(loop)
        if parent is not None:
            parent.elements.append(loop)
        return loop

    def _expand(self, node: Node, loop: Loop, depth: int, path: str) -> Any:
        """Records and arrays are taken apart; unions, maps, and what may hold its own kind are leaves."""
        definition = self.types.names[node.name] if isinstance(node, Named) else None
        if isinstance(definition, Record) and not recursive(self.types, definition.name):
            _check_depth(depth)
            return {
                field.name: self._expand(field.node, loop, depth + 1, join(path, field.name))
                for field in definition.fields
            }
        if isinstance(node, Array) and not is_empty(self.types, node.items):
            _check_depth(depth)
            inner = self._loop(loop)
            nested, around = 0, inner.parent
            while around is not None:
                nested, around = nested + 1, around.parent
            if nested > LIMIT_ARRAYS:
                raise Unsupported(f"arrays are nested deeper than {LIMIT_ARRAYS} levels")
            return Each(inner, self._expand(node.items, inner, depth + 1, f"{path}[]"))
        leaf = Leaf(len(self.leaves), self.types, node, loop, depth, path)
        loop.elements.append(leaf)
        self.leaves.append(leaf)
        if len(self.leaves) > LIMIT_LEAVES:
            raise Unsupported(f"the source has more than {LIMIT_LEAVES:,} values")
        return leaf


def _check_depth(depth: int) -> None:
    """What is taken apart is read without the reference's readers, which refuse every such record."""
    if depth >= LIMIT_DEPTH:
        raise Unsupported(f"the source is nested deeper than {LIMIT_DEPTH} levels")
