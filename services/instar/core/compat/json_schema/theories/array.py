"""Arrays: a range of lengths, what holds at each index, what must occur somewhere, what must occur often or
seldom.

Indexes below the greatest index that a literal names are looked at one by one; all later ones are alike and
are looked at once, as the tail.
"""

from instar.core.compat.json_schema.formula import Contains, ContainsAtMost, Each, Formula, Literal, Unique
from instar.core.compat.json_schema.theories.goal import Asks, Literals

#: Tuples longer than this are looked at up to here; the rest counts as tail, for which only what holds
#: throughout is known.
MAX_POSITIONS = 128


class _Array:
    def __init__(self, literals: Literals, prover: Asks) -> None:
        self.prover = prover
        self.each = list(literals.of(Each, True))
        #: (formula, count): at least that many items satisfy it.
        self.least = [(a.formula, a.count) for a in literals.of(Contains, True)]
        self.least += [(a.formula, a.count + 1) for a in literals.of(ContainsAtMost, False)]
        #: (formula, count): at most that many items satisfy it.
        self.most = [(a.formula, a.count) for a in literals.of(ContainsAtMost, True)]
        self.most += [(a.formula, a.count - 1) for a in literals.of(Contains, False)]
        exceptions = list(literals.of(Each, False))
        ends = [edge for e in self.each + exceptions for edge in (e.start, e.stop) if edge is not None]
        #: The tail starts here.
        self.tail = min(max(ends, default=0), MAX_POSITIONS)
        self.shortest = max([literals.shortest("array"), *(count for _, count in self.least)])
        self.longest = self._longest(literals.longest("array"))

    def at(self, index: int) -> frozenset[Literal]:
        """What holds of the item at an index (of every later one too, at the tail)."""
        found: list[Literal] = [
            (each.formula, True)
            for each in self.each
            if each.start <= index and (each.stop is None or index < min(each.stop, self.tail))
        ]
        found.extend((formula, False) for formula, count in self.most if count == 0)
        return frozenset(found)

    def possible(self, index: int, *extra: Literal) -> bool:
        """Whether the item at an index may be one that satisfies further literals."""
        if self.longest is not None and index >= self.longest:
            return False
        return not self.prover.empty(self.at(index) | frozenset(extra))

    def _longest(self, longest: int | None) -> int | None:
        for index in range(self.tail + 1):
            if longest is not None and index >= longest:
                break
            if self.prover.empty(self.at(index)):
                return index
        return longest

    def room(self, formula: Formula) -> int | None:
        """How many items may satisfy a formula; None: without limit."""
        count = sum(self.possible(index, (formula, True)) for index in range(self.tail))
        if not self.possible(self.tail, (formula, True)):
            return count
        return None if self.longest is None else count + self.longest - self.tail

    def certain(self, formula: Formula) -> int:
        """How many items are sure to satisfy a formula."""
        count = sum(
            self.prover.empty(self.at(index) | {(formula, False)}) for index in range(min(self.tail, self.shortest))
        )
        if self.shortest > self.tail and self.prover.empty(self.at(self.tail) | {(formula, False)}):
            count += self.shortest - self.tail
        return count

    def covers(self, wide: Formula, narrow: Formula) -> bool:
        """Whether every item that satisfies ``narrow`` satisfies ``wide``."""
        return not any(self.possible(index, (narrow, True), (wide, False)) for index in range(self.tail + 1))

    def exception_possible(self, each: Each) -> bool:
        """Whether some item in the range may fail to satisfy the formula."""
        stop = self.tail + 1 if each.stop is None else min(each.stop, self.tail + 1)
        start = min(each.start, self.tail)
        return any(self.possible(index, (each.formula, False)) for index in range(start, max(stop, start + 1)))


def empty(literals: Literals, prover: Asks) -> bool:
    """Whether provably no array satisfies the literals."""
    state = _Array(literals, prover)
    if state.longest is not None and state.shortest > state.longest:
        return True
    if any(True for _ in literals.of(Unique, False)) and state.longest is not None and state.longest < 2:
        return True
    if any(not state.exception_possible(each) for each in literals.of(Each, False)):
        return True
    for formula, least in state.least:
        room = state.room(formula)
        if room is not None and room < least:
            return True
    for formula, most in state.most:
        if state.certain(formula) > most:
            return True
        if any(least > most and state.covers(formula, narrow) for narrow, least in state.least):
            return True
    return False
