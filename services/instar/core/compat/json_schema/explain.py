"""Where a proof fails: from "not contained" to the keywords that are to blame, with both places.

Only explanations are made here; what counts as contained is decided by the prover alone. The reader's schema
is walked keyword by keyword. A keyword that provably admits everything the writer writes is left alone; of
the others those with subschemas are entered together with what the writer says about the same member or item,
the rest become findings.
"""

from collections.abc import Iterator

from instar.core.compat.json_schema import uri
from instar.core.compat.json_schema.document import Node
from instar.core.compat.json_schema.evaluate import selects
from instar.core.compat.json_schema.finding import ABSENT, Direction, Finding
from instar.core.compat.json_schema.formula import And, Each, Except, Formula, Has, Named, Ref, Values
from instar.core.compat.json_schema.places import ALTERNATIVES, Place, Writer, declared_members, find, value_at
from instar.core.compat.json_schema.prove import Branch, Prover
from instar.core.compat.json_schema.theories.goal import Literals
from instar.core.compat.json_schema.theories.objects import value_literals
from instar.core.compat.json_schema.translate import Part, parts
from instar.core.compat.json_schema.value import JsonType
from instar.core.compat.json_schema.wording import BY_KEYWORD, worded

#: Ways in which a writer's value can look that an explanation follows; proofs follow all of them.
MAX_BRANCHES = 12
#: More findings than this help nobody; the walk ends there.
MAX_FINDINGS = 200

_MEMBERS = ("properties", "patternProperties", "additionalProperties", "unevaluatedProperties")
_ITEMS = ("prefixItems", "items", "additionalItems", "unevaluatedItems")


class Explainer:
    """Walks one reader schema against what a writer says."""

    def __init__(self, prover: Prover, direction: Direction) -> None:
        self.prover = prover
        self.direction = direction
        self.findings: dict[tuple[str, str, str], Finding] = {}
        self._entered: set[tuple[Writer, str]] = set()

    def explain(self, writer: Writer, reader: Node, at: str) -> bool:
        """Collect findings; ``at`` is the writer's pointer to blame where it says nothing of its own.

        True where this place is, or has been, found wanting.
        """
        if (writer, reader.where) in self._entered or len(self.findings) >= MAX_FINDINGS:
            return True
        if self._contained(writer, Ref(reader)):
            return False
        self._entered.add((writer, reader.where))
        blamed = [self._part(writer, reader, p, at) for p in parts(reader) if not self._contained(writer, p.formula)]
        if not any(blamed):
            self._report("not-proven", writer, reader, (), at)
        return True

    def _contained(self, writer: Writer, formula: Formula) -> bool:
        return self.prover.empty(writer | {(formula, False)})

    def _part(self, writer: Writer, reader: Node, part: Part, at: str) -> bool:
        found: list[bool] = []
        keyword = part.keyword
        if keyword and keyword not in reader.dialect.keywords:
            return True  # an unknown keyword is reported with the schema itself
        if keyword == "allOf":
            found = [self.explain(writer, reader.child(keyword, i), at) for i in range(len(reader.schema[keyword]))]
        elif keyword == "$ref" and isinstance(part.formula, Ref):
            found = [self.explain(writer, part.formula.node, at)]
        elif keyword in _MEMBERS:
            found = [
                self._selected(writer, reader, keyword, formula, at)
                for formula in _conjuncts(part.formula)
                if isinstance(formula, Values) and not self._contained(writer, formula)
            ]
        elif keyword in _ITEMS:
            found = [
                self._positions(writer, formula, at)
                for formula in _conjuncts(part.formula)
                if isinstance(formula, Each) and not self._contained(writer, formula)
            ]
        elif keyword == "required":
            found = [
                self._report("required-added", writer, reader, (keyword,), at, formula.name)
                for formula in _conjuncts(part.formula)
                if isinstance(formula, Has) and not self._contained(writer, formula)
            ]
        elif keyword in ("anyOf", "oneOf"):
            alternative = self._only_candidate(writer, reader, keyword)
            found = [] if alternative is None else [self.explain(writer, alternative, at)]
        if any(found):
            return True
        return self._report(BY_KEYWORD.get(keyword, "not-proven"), writer, reader, (keyword,), at)

    def _branches(self, writer: Writer, name: JsonType) -> Iterator[Branch]:
        for number, branch in enumerate(self.prover.branches(writer, [name])):
            if number == MAX_BRANCHES:
                return
            yield branch

    def _only_candidate(self, writer: Writer, reader: Node, keyword: str) -> Node | None:
        """The one alternative that overlaps with what the writer writes, if there is just one."""
        children = [reader.child(keyword, i) for i in range(len(reader.schema[keyword]))]
        overlapping = [child for child in children if not self.prover.empty(writer | {(Ref(child), True)})]
        return overlapping[0] if len(overlapping) == 1 else None

    def _selected(self, writer: Writer, reader: Node, keyword: str, formula: Values, at: str) -> bool:
        """Explain members that one selector selects: declared ones by name, the others together."""
        selector = formula.selector
        declared = declared_members(writer)
        if isinstance(selector, Named):
            place = declared.get(selector.name)
            if place is None:
                return self._report("property-added-to-open", writer, reader, (keyword, selector.name), at)
            if self._enter(writer, formula, selector.name, place.pointer):
                return True
            return self._report("property-narrowed", writer, reader, (keyword, selector.name), place.pointer)
        found = False
        for name, place in declared.items():
            alone = Values(Named(name), formula.formula)
            if selects(selector, name) is False or self._contained(writer, alone):
                continue
            if reader.schema[keyword] is False:
                found |= self._report("property-removed-from-closed", writer, reader, (keyword,), at, name)
            else:
                found |= self._enter(writer, alone, name, place.pointer)
        if not isinstance(selector, Except):
            tokens = (keyword, selector.pattern)
            return found or self._report("pattern-property-narrowed", writer, reader, tokens, at)
        others = Values(Except(selector.names | set(declared), selector.patterns), formula.formula)
        if not found or not self._contained(writer, others):
            return self._report(BY_KEYWORD[keyword], writer, reader, (keyword,), at)
        return True

    def _enter(self, writer: Writer, formula: Values, name: str, at: str) -> bool:
        if not isinstance(formula.formula, Ref):
            return False
        child, found = formula.formula.node, False
        for branch in self._branches(writer, "object"):
            inner = value_literals(Literals(branch.literals), self.prover, name)
            found |= self.explain(inner, child, at)
        return found

    def _positions(self, writer: Writer, formula: Each, at: str) -> bool:
        if not isinstance(formula.formula, Ref):
            return False
        child, found = formula.formula.node, False
        for branch in self._branches(writer, "array"):
            for index in _indexes(branch, formula):
                inner, pointer = _item_literals(branch, index)
                found |= self.explain(inner, child, at if pointer is None else pointer)
        return found

    def _report(
        self, code: str, writer: Writer, reader: Node, tokens: tuple[str | int, ...], at: str, name: str = ""
    ) -> bool:
        tokens = tuple(token for token in tokens if token != "")
        theirs = Place(uri.pointer(reader.where, *tokens), value_at(reader.schema, tokens))
        ours = (find(writer, "properties", name) if name else None) or (find(writer, *tokens) if tokens else None)
        if ours is None and len(tokens) == 1:
            ours = find(writer, ALTERNATIVES.get(tokens[0], tokens[0]))
        ours = ours or Place(at, ABSENT)
        finding = worded(code, self.direction, (ours.pointer, ours.value), (theirs.pointer, theirs.value), name)
        self.findings.setdefault((code + name, ours.pointer, theirs.pointer), finding)
        return True


def _conjuncts(formula: Formula) -> tuple[Formula, ...]:
    return formula.parts if isinstance(formula, And) else (formula,)


def _indexes(branch: Branch, formula: Each) -> list[int]:
    """The indexes of a range at which the writer's or the reader's schema begins to say something else."""
    edges = {formula.start}
    for each in Literals(branch.literals).of(Each, True):
        edges.update(edge for edge in (each.start, each.stop) if edge is not None)
    return sorted(e for e in edges if e >= formula.start and (formula.stop is None or e < formula.stop))


def _item_literals(branch: Branch, index: int) -> tuple[Writer, str | None]:
    found = [
        each
        for each in Literals(branch.literals).of(Each, True)
        if each.start <= index and (each.stop is None or index < each.stop)
    ]
    pointer = next((each.formula.node.where for each in found if isinstance(each.formula, Ref)), None)
    return frozenset((each.formula, True) for each in found), pointer
