"""On every input the fast executor answers as the reference does."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.avro_schemas import avro_documents, unhurried
from tests.support.spans_programs import Drawer, bodies, damaged

from instar.changes import rename
from instar.core.formats.avro import AvroSchema, parse_avro
from instar.core.formats.schema import Invalid
from instar.core.record import Context
from instar.core.rejected import Rejected
from instar.core.subject import Subject, SubjectParts, build_subject
from instar.core.upcasting.hop import Hop
from instar.core.upcasting.program import Program
from instar.core.upcasting.spans.executor import Spans, compile_spans
from instar.project.project import load_project

ROOT = Path(__file__).parents[4]
CONTEXT = Context(b"key", (("a", b"b"),), 17, "orders", 3, 99)


def accepted_alike(program: Program, spans: Spans, data: bytes) -> tuple[bool, bool]:
    """Was the record accepted, and by the generated function itself? Fails where the executors differ."""
    expected = program.run(data, CONTEXT)
    assert spans.run(data, CONTEXT) == expected, f"{data!r}\n{spans.text}"
    try:
        made = spans.fast(data)
    except Exception:  # gave up
        made = None
    assert made is None or [made] == expected
    return not isinstance(expected, Rejected), made is not None


def executors(subject: Subject) -> Iterator[tuple[Program, Spans]]:
    """Each pair of the first and the last version that the fast executor takes."""
    for start, end in {(1, subject.latest), (subject.latest, 1), (1, 1), (subject.latest, subject.latest)}:
        program = subject.program(start, end)
        if isinstance(program, Program) and isinstance(spans := compile_spans(program), Spans):
            yield program, spans


def drawn(seed: int) -> Subject | None:
    random = Random(seed)
    try:
        return Drawer(random).subject(random.randint(1, 3))
    except Invalid:  # two versions want one name for two types
        return None


@given(st.integers(0, 2**40))
def test_drawn_hops_over_drawn_schemas(seed: int) -> None:
    subject = drawn(seed)
    for program, spans in executors(subject) if subject is not None else ():
        assert isinstance(program.chain.before, AvroSchema)
        for data in bodies(program.chain.before, Random(seed), 6):
            accepted_alike(program, spans, data)


@unhurried
@given(avro_documents(), st.integers(0, 2**40), st.binary(max_size=30))
def test_any_schema_whose_first_field_is_renamed(document: object, seed: int, noise: bytes) -> None:
    before = parse_avro(document)
    random = Random(seed)
    subject = renamed_first(before, document)
    for program, spans in executors(subject):
        for data in [noise, *bodies(before, random, 5)]:
            accepted_alike(program, spans, data)


def renamed_first(schema: AvroSchema, document: object) -> Subject:
    if isinstance(document, dict) and document.get("type") == "record" and document["fields"]:
        first, *rest = document["fields"]
        after = parse_avro({**document, "fields": [{**first, "name": "renamed"}, *rest]})
        hop = Hop("drawn", 1, 2, "1.py", changes=(rename(first["name"], "renamed"),))
        subject, findings = build_subject(SubjectParts("drawn", [(1, schema), (2, after)], [hop]))
        if subject is not None and not any(finding.severity == "error" for finding in findings):
            return subject
    return Subject("drawn", "avro", {1: schema})


def test_nearly_all_that_is_accepted_is_accepted_without_the_reference() -> None:
    """Else the agreement would be that of the reference with itself."""
    accepted = fast = programs = 0
    for seed in range(300):
        subject = drawn(seed)
        for program, spans in executors(subject) if subject is not None else ():
            programs += bool(program.chain.links)
            assert isinstance(program.chain.before, AvroSchema)
            for data in bodies(program.chain.before, Random(seed), 4):
                good, by_itself = accepted_alike(program, spans, data)
                accepted, fast = accepted + good, fast + by_itself
    assert programs > 100
    assert fast > 0.98 * accepted > 1_000


@pytest.mark.parametrize("subject", ["orders", "customers"])
def test_the_projects_own_records_and_what_becomes_of_them_when_they_are_damaged(subject: str) -> None:
    of = load_project(ROOT).catalogue[subject]
    taken = 0
    for (_, version), example in of.examples.items():
        random = Random(version)
        for end in of.versions:
            program = of.program(version, end)
            assert isinstance(program, Program)
            spans = compile_spans(program)
            if isinstance(spans, Spans):
                taken += accepted_alike(program, spans, example)[1]
                for at in range(len(example)):
                    accepted_alike(program, spans, example[:at])
                for _ in range(100):
                    accepted_alike(program, spans, damaged(example, random))
    assert taken


@pytest.mark.slow
def test_the_campaign() -> None:
    """Some 300,000 records of some 10,000 programs."""
    cases = 0
    for seed in range(1_000_000, 1_012_000):
        subject = drawn(seed)
        for program, spans in executors(subject) if subject is not None else ():
            assert isinstance(program.chain.before, AvroSchema)
            for data in bodies(program.chain.before, Random(seed), 10):
                accepted_alike(program, spans, data)
                cases += 1
    assert cases > 300_000
