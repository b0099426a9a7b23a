"""Objects: which names may be there, what holds of their values, how many there are.

Names that a literal mentions are looked at one by one. All others are alike up to which patterns they match:
they fall into one region for each combination of the patterns, and a region whose names cannot exist (a
string question) drops out.
"""

from dataclasses import dataclass

from instar.core.compat.json_schema.evaluate import evaluate, selects
from instar.core.compat.json_schema.formula import (
    And,
    Except,
    Formula,
    Has,
    Literal,
    Matches,
    Matching,
    Named,
    Names,
    OneOfValues,
    Ref,
    Selector,
    TypeIs,
    Values,
    from_writer,
)
from instar.core.compat.json_schema.theories.goal import Asks, Literals
from instar.core.compat.json_schema.translate import meaning
from instar.core.compat.json_schema.value import Value

#: With more regions than this patterns are not told apart; members that they select are then not
#: constrained.
MAX_REGIONS = 64


@dataclass(frozen=True, slots=True)
class _Region:
    """Names that no literal mentions and that match exactly these of the patterns."""

    matched: frozenset[str]
    unmatched: frozenset[str]

    def selected(self, selector: Selector) -> bool | None:
        match selector:
            case Named():
                return False
            case Matching(pattern):
                return True if pattern in self.matched else (False if pattern in self.unmatched else None)
            case Except(_, patterns):
                if not patterns.isdisjoint(self.matched):
                    return False
                return True if patterns <= self.unmatched else None


def listed_strings(formula: Formula) -> frozenset[str]:
    """Strings that a formula about a name lists, so that an enumeration of names can be counted."""
    match formula:
        case Ref(node):
            return listed_strings(meaning(node))
        case And(parts):
            return frozenset[str]().union(*map(listed_strings, parts))
        case OneOfValues(listed):
            return frozenset(content for kind, content in listed if kind == "string")
        case _:
            return frozenset()


class _Object:
    def __init__(self, literals: Literals, prover: Asks) -> None:
        self.prover = prover
        self.values = list(literals.of(Values, True))
        self.exceptions = list(literals.of(Values, False))
        self.names = [atom.formula for atom in literals.of(Names, True)]
        self.name_exceptions = [atom.formula for atom in literals.of(Names, False)]
        self.present = {atom.name for atom in literals.of(Has, True)}
        self.absent = {atom.name for atom in literals.of(Has, False)}
        self.mentioned = self._mentioned()
        self.patterns = self._patterns()
        self.declared = self._declared() if prover.lenient else None
        self.longest = literals.longest("object")
        self.shortest = literals.shortest("object")
        self._possible: dict[str, bool] = {}
        self._regions: list[_Region] | None = None

    def _mentioned(self) -> frozenset[str]:
        names = set(self.present | self.absent)
        for atom in self.values + self.exceptions:
            match atom.selector:
                case Named(name):
                    names.add(name)
                case Except(excluded, _):
                    names |= excluded
        for formula in self.names:
            names |= listed_strings(formula)
        return frozenset(names)

    def _patterns(self) -> list[str]:
        patterns: set[str] = set()
        for atom in self.values + self.exceptions:
            match atom.selector:
                case Matching(pattern):
                    patterns.add(pattern)
                case Except(_, excluded):
                    patterns |= excluded
        return sorted(patterns)

    def _declared(self) -> list[Selector] | None:
        """What the writer says it writes; None where it says nothing and may write anything."""
        found = [atom.selector for atom in self.values + self.exceptions if from_writer(atom.formula)]
        return found or None

    def at(self, name: str) -> frozenset[Literal]:
        """What holds of a member's value."""
        return frozenset((atom.formula, True) for atom in self.values if selects(atom.selector, name))

    def possible(self, name: str) -> bool:
        """Whether a mentioned member may be there."""
        if name not in self._possible:
            self._possible[name] = self._may_be(name)
        return self._possible[name]

    def _may_be(self, name: str) -> bool:
        if name in self.absent:
            return False
        if any(evaluate(formula, ("string", name)) is False for formula in self.names):
            return False
        if name not in self.present and not self.writable(name):
            return False
        return not self.prover.empty(self.at(name))

    def writable(self, name: str) -> bool:
        """Whether the writer's declarations leave room for a name (lenient policy; else always)."""
        return self.declared is None or any(selects(selector, name) is not False for selector in self.declared)

    def spare(self, name: str | None) -> bool:
        """Whether there is room for a member besides the required ones (None: one of no mentioned name)."""
        return name in self.present or self.longest is None or len(self.present) < self.longest

    def regions(self) -> list[_Region]:
        """The regions whose names and values may exist."""
        if self._regions is None:
            self._regions = [
                region
                for region in self._all_regions()
                if not self.prover.empty(self.name_of(region)) and not self.prover.empty(self.in_region(region))
            ]
        return self._regions

    def _all_regions(self) -> list[_Region]:
        """Combinations of the patterns that some name can have; found pattern by pattern, so disjoint ones stay few."""
        regions = [_Region(frozenset(), frozenset())]
        for pattern in self.patterns:
            grown = [_Region(r.matched | {pattern}, r.unmatched) for r in regions]
            grown += [_Region(r.matched, r.unmatched | {pattern}) for r in regions]
            regions = [region for region in grown if not self.prover.empty(self.name_of(region))]
            if len(regions) > MAX_REGIONS:
                return [_Region(frozenset(), frozenset())]
        return [r for r in regions if self.declared is None or any(r.selected(s) is not False for s in self.declared)]

    def name_of(self, region: _Region) -> frozenset[Literal]:
        """What holds of a name in a region, as a question about a string."""
        words: frozenset[Value] = frozenset(("string", name) for name in self.mentioned)
        found: list[Literal] = [(TypeIs("string"), True), (OneOfValues(words), False)]
        found += [(Matches(pattern), True) for pattern in region.matched]
        found += [(Matches(pattern), False) for pattern in region.unmatched]
        found += [(formula, True) for formula in self.names]
        return frozenset(found)

    def in_region(self, region: _Region) -> frozenset[Literal]:
        """What holds of the value of a member in a region."""
        return frozenset((atom.formula, True) for atom in self.values if region.selected(atom.selector))

    def too_few(self) -> bool:
        """Whether fewer members can be there than must."""
        if self.shortest <= len(self.present):
            return False
        return not self.regions() and sum(map(self.possible, self.mentioned)) < self.shortest

    def exception_possible(self, selector: Selector, formula: Formula) -> bool:
        """Whether some selected member may fail to satisfy a formula."""
        bad = (formula, False)
        names = (n for n in self.mentioned if selects(selector, n) is not False and self.possible(n) and self.spare(n))
        if any(not self.prover.empty(self.at(name) | {bad}) for name in names):
            return True
        if isinstance(selector, Named) or not self.spare(None):
            return False
        return any(
            region.selected(selector) is not False
            and not self.prover.empty(self.in_region(region) | {(formula, False)})
            for region in self.regions()
        )

    def bad_name_possible(self, formula: Formula) -> bool:
        """Whether some member's name may fail to satisfy a formula."""
        for name in self.mentioned:
            if self.possible(name) and self.spare(name) and evaluate(formula, ("string", name)) is not True:
                return True
        return self.spare(None) and any(
            not self.prover.empty(self.name_of(region) | {(formula, False)}) for region in self.regions()
        )


def empty(literals: Literals, prover: Asks) -> bool:
    """Whether provably no object satisfies the literals."""
    state = _Object(literals, prover)
    least = max(state.shortest, len(state.present))
    if state.longest is not None and least > state.longest:
        return True
    if any(not state.possible(name) for name in state.present):
        return True
    if state.too_few():
        return True
    if any(not state.exception_possible(atom.selector, atom.formula) for atom in state.exceptions):
        return True
    return any(not state.bad_name_possible(formula) for formula in state.name_exceptions)


def value_literals(literals: Literals, prover: Asks, name: str) -> frozenset[Literal]:
    """What a branch says about the value of one member; for explanations."""
    return _Object(literals, prover).at(name)
