"""The tableau: proves that no value satisfies a set of literals.

To show that A is contained in B, show that "A and not B" has no member. The set of literals is unfolded, type
by type, into branches of atoms; a branch is closed when it contradicts itself or when the theory of its type
says that its atoms have no common value. All branches closed: proven. Anything else, exhaustion of the step
limit included: not proven.

Recursion. Theories ask about parts of a value (items, members, names). While a question is open, asking it
again about a part is answered "empty". That is sound because JSON values are finite: of all values that
satisfy the literals take a smallest; its part would satisfy the same literals and be smaller. Answers that
leaned on such an assumption are kept only once the assumed question itself is settled. One question is about
the value itself: whether two alternatives of a ``oneOf`` exclude each other. It never comes back to the
question that asked it without passing through a part, because schemas that apply themselves in place are
refused beforehand.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias

from instar.core.compat.json_schema.evaluate import evaluate
from instar.core.compat.json_schema.formula import (
    And,
    Atom,
    ExactlyOne,
    Formula,
    Literal,
    Not,
    OneOfValues,
    Or,
    Ref,
    TypeIs,
    atom_type,
    expanded,
)
from instar.core.compat.json_schema.theories import array, numeric, objects, text
from instar.core.compat.json_schema.theories.goal import Goal, Literals
from instar.core.compat.json_schema.translate import meaning
from instar.core.compat.json_schema.value import EMPTY_ARRAY, EMPTY_OBJECT, NULL, TYPES, JsonType, Value

#: Unfolding steps for one comparison. Real schemas of a few hundred members need some thousand.
MAX_STEPS = 250_000
#: Nested questions at once; deeper ones are answered "not proven".
MAX_DEPTH = 60

_Clause: TypeAlias = tuple[Literal, ...]


class TooComplex(Exception):
    """The step limit is used up. Caught inside this package; it becomes a finding."""


@dataclass
class Branch:
    """A conjunction under construction: atoms with signs, unfolded references, disjunctions not yet decided."""

    type: JsonType
    literals: dict[Atom, bool] = field(default_factory=dict)
    references: dict[tuple[str, bool], bool] = field(default_factory=dict)
    clauses: list[_Clause] = field(default_factory=list)

    def copy(self) -> "Branch":
        return Branch(self.type, dict(self.literals), dict(self.references), list(self.clauses))

    def reference(self, ref: Ref, sign: bool) -> bool | None:
        """Note a reference: True where it is new, None where it is known, False where it contradicts."""
        node = ref.node
        known = self.references.get((node.key, node.writer))
        if known is not None:
            return None if known is sign else False
        # Under the lenient policy the writer's reading of a schema is never wider than the reader's.
        if self.references.get((node.key, not node.writer)) is (not sign) and node.writer is sign:
            return False
        self.references[node.key, node.writer] = sign
        return True


class Prover:
    """Proofs for one pair of schemas; remembers what it has settled."""

    def __init__(self, *, lenient: bool = False) -> None:
        self.lenient = lenient
        self.steps = 0
        self._settled: dict[Goal, bool] = {}
        self._open: dict[Goal, int] = {}
        self._lowest_assumed = MAX_DEPTH

    def empty(self, literals: Iterable[Literal]) -> bool:
        """Whether provably no value satisfies all literals. Raises TooComplex."""
        goal = frozenset(literals)
        known = self._settled.get(goal)
        if known is not None:
            return known
        if goal in self._open:
            self._lowest_assumed = min(self._lowest_assumed, self._open[goal])
            return True
        depth = len(self._open)
        if depth >= MAX_DEPTH:
            return False
        outer, self._lowest_assumed = self._lowest_assumed, MAX_DEPTH
        self._open[goal] = depth
        try:
            result = next(self.branches(goal), None) is None
        finally:
            del self._open[goal]
            leaned = self._lowest_assumed
            self._lowest_assumed = min(outer, leaned)
        if not result or leaned >= depth:
            self._settled[goal] = result
        if leaned == depth:
            self._lowest_assumed = outer
        return result

    def branches(self, literals: Iterable[Literal], types: Iterable[JsonType] = TYPES) -> Iterator[Branch]:
        """The branches that no theory closes: where values may be. Raises TooComplex."""
        start = list(literals)
        for name in types:
            yield from self._search(Branch(name), start)

    def _step(self) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise TooComplex

    def _search(self, branch: Branch, todo: list[Literal]) -> Iterator[Branch]:
        if not self._unfold(branch, todo):
            return
        clause = self._next_clause(branch)
        if clause is None:
            return
        if self._closed(branch):
            return
        if not clause:
            yield branch
            return
        for literal in clause:
            yield from self._search(branch.copy(), [literal])

    def _next_clause(self, branch: Branch) -> _Clause | None:
        """Simplify the clauses; take the shortest. Empty: none is left. None: one is false."""
        progress = True
        while progress:
            progress = False
            clauses, branch.clauses = branch.clauses, []
            for clause in clauses:
                rest = self._undecided(branch, clause)
                if not rest:
                    return None
                if any(self._truth(branch, literal) for literal in rest):
                    continue
                if len(rest) > 1:
                    branch.clauses.append(rest)
                    continue
                progress = True
                if not self._unfold(branch, [rest[0]]):
                    return None
            progress = progress or self._look_ahead(branch)
        if not branch.clauses:
            return ()
        shortest = min(branch.clauses, key=len)
        branch.clauses.remove(shortest)
        return shortest

    def _undecided(self, branch: Branch, clause: _Clause) -> _Clause:
        return tuple(literal for literal in clause if self._truth(branch, literal) is not False)

    def _look_ahead(self, branch: Branch) -> bool:
        """Ask the theory about each literal of each clause. True: something is decided, simplify again.

        Alternatives that a constant tells apart (discriminated unions) are settled here; to branch on them, clause by
        clause, would multiply. A literal that closes the branch goes, a clause with a certain literal goes.
        """
        if len(branch.clauses) < 2:
            return False
        kept: list[_Clause] = []
        clauses, branch.clauses = branch.clauses, []
        for position, clause in enumerate(clauses):
            rest = tuple(literal for literal in clause if not self._closes(branch, literal))
            if len(rest) < 2:
                branch.clauses = [rest, *kept, *clauses[position + 1 :]]
                return True
            if not any(self._closes(branch, (formula, not sign)) for formula, sign in rest):
                kept.append(rest)
        branch.clauses = kept
        return False

    def _closes(self, branch: Branch, literal: Literal) -> bool:
        attempt = branch.copy()
        attempt.clauses = []
        if not self._unfold(attempt, [literal]):
            return True
        new, attempt.clauses = attempt.clauses, []
        return any(not self._undecided(attempt, clause) for clause in new) or self._closed(attempt)

    def _truth(self, branch: Branch, literal: Literal) -> bool | None:
        """What the branch already knows about a literal."""
        formula, sign = literal
        known: bool | None = None
        match formula:
            case Ref(node):
                known = branch.references.get((node.key, node.writer))
            case Not(part):
                return self._truth(branch, (part, not sign))
            case And(parts) | Or(parts):
                conjunction = isinstance(formula, And) == sign
                truths = [self._truth(branch, (part, sign)) for part in parts]
                if conjunction:
                    return False if False in truths else (True if all(truths) else None)
                return True if True in truths else (False if all(t is False for t in truths) else None)
            case TypeIs(name):
                known = name == branch.type
            case ExactlyOne():
                return None
            case _:
                about = atom_type(formula)
                known = True if about not in (None, branch.type) else branch.literals.get(formula)
        return None if known is None else known is sign

    def _unfold(self, branch: Branch, todo: list[Literal]) -> bool:
        """Take literals into a branch. False: they contradict it."""
        stack = list(reversed(todo))
        while stack:
            self._step()
            formula, sign = stack.pop()
            match formula:
                case Not(part):
                    stack.append((part, not sign))
                case Ref(node):
                    new = branch.reference(formula, sign)
                    if new is False:
                        return False
                    if new:
                        stack.append((meaning(node), sign))
                case And(parts) | Or(parts):
                    if isinstance(formula, And) == sign or len(parts) == 1:
                        stack.extend((part, sign) for part in reversed(parts))
                    else:
                        branch.clauses.append(tuple((part, sign) for part in parts))
                case ExactlyOne(parts):
                    stack.append((self._alternatives(parts), sign))
                case TypeIs(name):
                    if (name == branch.type) is not sign:
                        return False
                case _:
                    if not self._take(branch, formula, sign):
                        return False
        return True

    def _alternatives(self, parts: tuple[Formula, ...]) -> Formula:
        """Exactly one of the parts, as a formula: plainly "some" where the parts exclude each other.

        The question is asked of the plain meaning: what a writer leaves out by policy depends on all parts together.
        """
        plain = [Ref(part.node.as_reader()) if isinstance(part, Ref) else part for part in parts]
        if all(self.empty([(a, True), (b, True)]) for a, b in combinations(plain, 2)):
            return Or(parts)
        return expanded(parts)

    def _take(self, branch: Branch, atom: Atom, sign: bool) -> bool:
        about = atom_type(atom)
        if about is not None and about != branch.type:
            return sign  # vacuously true of other types
        if branch.literals.get(atom) is (not sign):
            return False
        branch.literals[atom] = sign
        return True

    def _closed(self, branch: Branch) -> bool:
        """Whether the theory of the branch's type finds no common value of its atoms."""
        candidates = self._candidates(branch)
        if candidates is not None:
            return all(self._refuted(branch, value) for value in candidates)
        literals = Literals(branch.literals)
        match branch.type:
            case "number":
                return numeric.empty(literals)
            case "string":
                return text.empty(literals)
            case "array":
                return array.empty(literals, self)
            case "object":
                return objects.empty(literals, self)
        return False

    def _candidates(self, branch: Branch) -> list[Value] | None:
        """The only values a branch can have, where they are finitely many and few."""
        listed = [atom.values for atom, sign in branch.literals.items() if sign and isinstance(atom, OneOfValues)]
        if listed:
            return [v for v in frozenset.intersection(*listed) if v[0] == branch.type]
        match branch.type:
            case "null":
                return [NULL]
            case "boolean":
                return [("boolean", False), ("boolean", True)]
            case "number":
                return numeric.candidates(Literals(branch.literals))
            case "string":
                return [("string", "")] if Literals(branch.literals).longest("string") == 0 else None
            case "array":
                return [EMPTY_ARRAY] if Literals(branch.literals).longest("array") == 0 else None
            case "object":
                return [EMPTY_OBJECT] if Literals(branch.literals).longest("object") == 0 else None

    def _refuted(self, branch: Branch, value: Value) -> bool:
        self._step()
        if any(evaluate(atom, value) is (not sign) for atom, sign in branch.literals.items()):
            return True
        return any(all(evaluate(formula, value) is (not sign) for formula, sign in clause) for clause in branch.clauses)


def conjunction(formulas: Iterable[Formula]) -> frozenset[Literal]:
    """All of the formulas, as literals."""
    return frozenset((formula, True) for formula in formulas)
