"""Strings: a range of lengths, regular languages, and open predicates such as formats."""

from instar.core.compat.json_schema.formula import Matches, OneOfValues, Opaque
from instar.core.compat.json_schema.regex import automaton
from instar.core.compat.json_schema.theories.goal import Literals

#: ``(narrower, wider)``: every text of the first format is one of the second, by their RFCs (RFC 3986, 3987,
#: 6531, 5890). It holds for a validator that asserts formats and for one that ignores them.
_WIDER = {
    "uri": ("uri-reference", "iri", "iri-reference"),
    "iri": ("iri-reference",),
    "uri-reference": ("iri-reference",),
    "email": ("idn-email",),
    "hostname": ("idn-hostname",),
}


def empty(literals: Literals) -> bool:
    """Whether provably no string satisfies the literals."""
    shortest, longest = literals.shortest("string"), literals.longest("string")
    if longest is not None and shortest > longest:
        return True
    if _formats_contradict(literals):
        return True
    include = tuple(sorted(a.pattern for a in literals.of(Matches, True) if not automaton.vacuous(a.pattern)))
    exclude = tuple(sorted(a.pattern for a in literals.of(Matches, False) if not automaton.vacuous(a.pattern)))
    words = frozenset(
        content
        for atom in literals.of(OneOfValues, False)
        for kind, content in atom.values
        if kind == "string" and isinstance(content, str)
    )
    if not include and not exclude:
        return False  # without patterns infinitely many strings of each length remain, length 0 apart
    return automaton.empty(include, exclude, words, shortest, longest) is True


def _formats_contradict(literals: Literals) -> bool:
    refused = {atom.text.strip('"') for atom in literals.of(Opaque, False) if atom.keyword == "format"}
    given = {atom.text.strip('"') for atom in literals.of(Opaque, True) if atom.keyword == "format"}
    return any(wider in refused for name in given for wider in _WIDER.get(name, ()))
