"""Can the reader of one JSON schema read everything that the writer of another writes?

*Containment.* A schema stands for the set of JSON values that are valid under it. The reader B can read what
the writer A writes exactly when A is a subset of B. Backward compatibility is "old in new", forward is "new
in old", full is both.

*Proof by emptiness.* A is contained in B exactly when "A and not B" is empty. Every keyword is a predicate on
values (an atom) or a boolean combination of subschemas, so a schema is a boolean formula over atoms, and so
is its negation: that is what makes one procedure do for ``oneOf``, ``not`` and ``if`` as well as for
``maxLength``. The formula is unfolded into conjunctions of literals, one JSON type at a time, because an atom
speaks about one type and is vacuously true of all others. Each conjunction is handed to the theory of its
type, which looks for a contradiction:

- null, boolean, and whatever an enumeration, a bounded integer range or a zero size makes finite: the values
  are tried;
- number: an interval and a lattice of multiples;
- string: a range of lengths, and the intersection of the regular languages of its patterns, as automata;
- array: what holds at each index, what must occur, how often; items are smaller questions of the same kind;
- object: what holds of each name; names that nobody mentions fall into regions by the patterns that they match.

*Recursion.* A schema that refers to itself gives a question that comes back while it is open. It is then
answered "empty": a smallest value in "A and not B" would contain a smaller one (coinduction over the
question, induction over the finite value).

*Soundness before completeness.* No theory says "empty" unless it is. Where a theory does not know, the
conjunction counts as inhabited and the difference is reported. So no finding means proven; a finding means
"refused or not proven". Known gaps: several existential literals that are possible each alone but not
together, ``uniqueItems`` over few values, and patterns outside the regular, portable part of ECMA-262, which
are equal only to themselves. Formats and content keywords are open predicates: a proof holds whether or not
the validator asserts them. A pattern that, for want of anchors, matches every string is treated the same way
(see ``regex.automaton.vacuous``). Numbers are mathematical (1.0 is an integer, as in every draft since 06);
strings are sequences of code points.

*Policies.* ``strict`` is containment as above: what a validator does. ``lenient`` describes a system in which
(1) writers write only members that their schema declares, however open it is, and readers that are open
ignore the rest, and (2) a reader supplies a required member that has a valid ``default``. (1) reads an open
writer schema with declared members as closed; a writer that declares no member at all is a free-form map and
stays open; a reader that says ``additionalProperties: false`` does not ignore the rest and is still held to
it. (2) drops the reader's demand. The rest of the theory is the same.

Unknown keywords fail closed: they may mean anything, so they are reported, unless both sides carry the same
one with the same value at the same place, which is then one open predicate.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from instar.core.compat.json_schema.document import Library, Node, Schema
from instar.core.compat.json_schema.evaluate import evaluate
from instar.core.compat.json_schema.explain import Explainer
from instar.core.compat.json_schema.finding import ABSENT, Direction, Finding
from instar.core.compat.json_schema.formula import Ref
from instar.core.compat.json_schema.inspect import Fault, faults
from instar.core.compat.json_schema.prove import Prover, TooComplex
from instar.core.compat.json_schema.value import canonical
from instar.core.compat.json_schema.wording import worded

Mode = Literal["backward", "forward", "full"]
Policy = Literal["strict", "lenient"]
Documents = Mapping[str, Schema]


def check(
    old: Schema,
    new: Schema,
    *,
    mode: Mode = "backward",
    policy: Policy = "strict",
    old_documents: Documents | None = None,
    new_documents: Documents | None = None,
    annotations: Collection[str] = (),
) -> list[Finding]:
    """Every reason why ``new`` is not compatible with ``old``; empty: proven compatible.

    ``old`` and ``new`` are parsed JSON. ``*_documents`` are the other documents that a side's ``$ref`` may
    name, by absolute or relative URI. ``annotations`` names further keywords that say nothing about validity.
    Raises ValueError for an unknown mode or policy; whatever is wrong with a schema is a finding.
    """
    if mode not in ("backward", "forward", "full"):
        raise ValueError(f"mode {mode!r} is not known: use backward, forward or full")
    found: list[Finding] = []
    if mode != "forward":
        found += _directed(old, new, "backward", policy, old_documents, new_documents, annotations)
    if mode != "backward":
        found += _directed(new, old, "forward", policy, new_documents, old_documents, annotations)
    return found


def contained(
    a: Schema,
    b: Schema,
    *,
    policy: Policy = "strict",
    a_documents: Documents | None = None,
    b_documents: Documents | None = None,
    annotations: Collection[str] = (),
) -> list[Finding]:
    """Why not every instance of ``a`` is one of ``b``; empty: proven. In the findings ``a`` is old and ``b``
    is new."""
    return _directed(a, b, "backward", policy, a_documents, b_documents, annotations)


def _directed(
    writer: Schema,
    reader: Schema,
    direction: Direction,
    policy: Policy,
    writer_documents: Documents | None,
    reader_documents: Documents | None,
    annotations: Collection[str],
) -> list[Finding]:
    if policy not in ("strict", "lenient"):
        raise ValueError(f"policy {policy!r} is not known: use strict or lenient")
    try:
        return _compared(
            Library(writer, writer_documents or {}, frozenset(annotations)),
            Library(reader, reader_documents or {}, frozenset(annotations)),
            direction,
            lenient=policy == "lenient",
        )
    except RecursionError:  # nested deeper than the interpreter's stack: given up like any other excess
        return [worded("too-complex", direction, ("", writer), ("", reader))]


def _compared(ours: Library, theirs: Library, direction: Direction, *, lenient: bool) -> list[Finding]:
    found = _faults(faults(ours, writer=lenient), faults(theirs, writer=False), direction)
    if any(finding.code != "unknown-keyword" for finding in found):
        return found
    if lenient:
        theirs.fills = _fills
    prover = Prover(lenient=lenient)
    explainer = Explainer(prover, direction)
    start, goal = frozenset([(Ref(ours.top(lenient)), True)]), Ref(theirs.top(writer=False))
    sides = ("", ours.root.root), ("", theirs.root.root)
    try:
        if prover.empty(start | {(goal, False)}):
            return found
        explainer.explain(start, goal.node, "")
    except TooComplex:
        found += [] if explainer.findings else [worded("too-complex", direction, *sides)]
    else:  # the proof has the last word, whatever the explanation made of it
        found += [] if explainer.findings or found else [worded("not-proven", direction, *sides)]
    return found + list(explainer.findings.values())


def _faults(ours: list[Fault], theirs: list[Fault], direction: Direction) -> list[Finding]:
    shared = {_identity(fault) for fault in ours} & {_identity(fault) for fault in theirs}
    ours = [fault for fault in ours if fault.code != "unknown-keyword" or _identity(fault) not in shared]
    theirs = [fault for fault in theirs if fault.code != "unknown-keyword" or _identity(fault) not in shared]
    nothing = ("", ABSENT)
    return [worded(f.code, direction, (f.pointer, f.value), nothing, f.name) for f in ours] + [
        worded(f.code, direction, nothing, (f.pointer, f.value), f.name) for f in theirs
    ]


def _identity(fault: Fault) -> tuple[str, str, str]:
    return fault.code, fault.pointer, repr(fault.value)


def _fills(node: Node, name: str) -> bool:
    """Whether a reader that fills in defaults supplies a member: it has a default that its own schema
    accepts."""
    properties: Any = node.keyword("properties") or {}
    schema = properties.get(name)
    if not isinstance(schema, dict) or "default" not in schema:
        return False
    try:
        value = canonical(schema["default"])
    except ValueError:
        return False
    return evaluate(Ref(node.child("properties", name)), value) is True
