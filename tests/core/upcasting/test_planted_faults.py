"""Ten faults that authors make, planted one by one into a sound subject: each is found, and named as what it is."""

from dataclasses import dataclass
from random import Random

import pytest
from tests.support.subjects import LONG, STRING, Array, Enum, ShapeSchema, hop_of, record

from instar.core.finding import Finding
from instar.core.formats.shape import Object
from instar.core.subject import SubjectParts, build_subject
from instar.core.upcasting.hop import Hop
from instar.core.upcasting.laws import check_laws

V1 = record(name=STRING, qty=LONG, coupon=STRING, state=Enum(("SENT", "OPEN")), tags=Array(STRING))
V2 = record(name=STRING, quantity=LONG, state=Enum(("SHIPPED", "OPEN")), tags=Array(STRING))
V3 = record(name=STRING, quantity=LONG, state=Enum(("SHIPPED", "OPEN")), tags=Array(STRING), total=LONG)

FIRST = """
    lost = {"up": ["coupon"]}
    NEW = {"SENT": "SHIPPED", "OPEN": "OPEN"}
    OLD = {"SHIPPED": "SENT", "OPEN": "OPEN"}

    def upcast(record, context):
        return {
            "name": record["name"],
            "quantity": record["qty"],
            "state": NEW[record["state"]],
            "tags": record["tags"],
        }

    def downcast(record, context):
        return {
            "name": record["name"],
            "qty": record["quantity"],
            "coupon": "",
            "state": OLD[record["state"]],
            "tags": record["tags"],
        }
"""
SECOND = """
    lost = {"down": ["total"]}

    def upcast(record, context):
        return {**record, "total": 0}

    def downcast(record, context):
        return {name: part for name, part in record.items() if name != "total"}
"""


@dataclass(frozen=True)
class Planted:
    """A subject with one fault, and the finding that names it."""

    code: str
    words: str
    first: str = FIRST
    second: str | None = SECOND
    more: tuple[tuple[int, int], ...] = ()
    v2: Object = V2


def edited(old: str, new: str, source: str = FIRST) -> str:
    assert source.count(old) == 1, "the fault is planted exactly once"
    return source.replace(old, new)


FAULTS = {
    "missing hop": Planted("missing-hop", "upcasters/orders/v2_to_v3.py", second=None),
    "duplicate": Planted("duplicate-hop", "two hops lead from v1 to v2", more=((1, 2),)),
    "skipping": Planted("skipping-hop", "v1_to_v3 skips a version", more=((1, 3),)),
    "wrong type": Planted(
        "hop-output-invalid", "quantity", first=edited('"quantity": record["qty"]', '"quantity": str(record["qty"])')
    ),
    "undeclared loss": Planted(
        "undeclared-loss", 'lost = {"up": ["coupon"]}', first=edited('{"up": ["coupon"]}', "{}")
    ),
    "mutation": Planted(
        "mutation",
        "in tags",
        first=edited(
            "def upcast(record, context):",
            "def upcast(record, context):\n        record['tags'].sort(reverse=True) or record['tags'].append('x')",
        ),
    ),
    "non-determinism": Planted(
        "not-deterministic",
        "record",
        first=edited('"quantity": record["qty"]', '"quantity": __import__("random").getrandbits(40)'),
    ),
    "forgotten field": Planted(
        "hop-output-invalid",
        "tags",
        first=edited(
            '"state": NEW[record["state"]],\n            "tags": record["tags"],', '"state": NEW[record["state"]],'
        ),
    ),
    "wrong down": Planted("wrong-down", "qty", first=edited('"qty": record["quantity"]', '"qty": -record["quantity"]')),
    "schema that does not match": Planted(
        "hop-output-invalid",
        "state",
        v2=record(name=STRING, quantity=LONG, state=Enum(("DELIVERED", "OPEN")), tags=Array(STRING)),
    ),
}


def check(planted: Planted) -> list[Finding]:
    """What a check of the whole subject finds: its structure, its hops, and the laws on drawn records."""
    sources = [planted.first] + ([] if planted.second is None else [planted.second])
    hops = [hop_of(source, low=low) for low, source in enumerate(sources, start=1)]
    for low, high in planted.more:
        extra = Hop.from_namespace(
            "orders", low, high, {"upcast": dict}, file=f"upcasters/orders/extra/v{low}_to_v{high}.py"
        )
        assert isinstance(extra, Hop)
        hops.append(extra)
    schemas = {1: ShapeSchema(V1), 2: ShapeSchema(planted.v2), 3: ShapeSchema(V3)}
    subject, found = build_subject(SubjectParts("orders", schemas.items(), hops))
    assert subject is not None
    random = Random(11)
    for hop in subject.hops.values():
        before, after = schemas[hop.from_version], schemas[hop.to_version]
        old, new = ([schema.sample(random) for _ in range(60)] for schema in (before, after))
        found += check_laws(hop, before, after, old, new)
    return found


def test_the_subject_without_a_fault_is_clean() -> None:
    assert check(Planted("", "")) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named(fault: str) -> None:
    planted = FAULTS[fault]
    found = check(planted)
    naming = [finding for finding in found if finding.code == planted.code]
    assert naming, found
    text = " ".join(f"{finding.message} {finding.remedy} {finding.file} {finding.path}" for finding in naming)
    assert planted.words in text
    assert all(finding.file and finding.remedy and finding.severity == "error" for finding in naming)


CHANGES = """
    from instar.changes import add, drop, rename

    changes = [
        rename("qty", "quantity"),
        drop("coupon", restore=""),
        add("channel", value="web"),
    ]
"""
C1 = record(qty=LONG, coupon=STRING)
C2 = record(quantity=LONG, channel=STRING)
CHANGES_FAULTS = {
    "sound": (CHANGES, C2, ""),
    "forgotten field": (CHANGES.replace('        add("channel", value="web"),\n', ""), C2, 'add("channel")'),
    "a field left over": (
        CHANGES.replace('        drop("coupon", restore=""),\n', ""),
        C2,
        'drop("coupon", restore=...)',
    ),
    "wrong type": (CHANGES, record(quantity=STRING, channel=STRING), 'convert("quantity"'),
    "schema that does not match": (CHANGES, record(amount=LONG, channel=STRING), 'rename("quantity", "amount")'),
    "wrong value": (CHANGES.replace('"web"', "7"), C2, "channel"),
}


@pytest.mark.parametrize("fault", CHANGES_FAULTS)
def test_a_fault_in_changes_is_found_before_any_record_runs(fault: str) -> None:
    source, after, line_to_add = CHANGES_FAULTS[fault]
    schemas = [(1, ShapeSchema(C1)), (2, ShapeSchema(after))]
    _, found = build_subject(SubjectParts("orders", schemas, [hop_of(source)]))
    if not line_to_add:
        assert found == []
        return
    assert any(line_to_add in f"{finding.remedy} {finding.path}" for finding in found), found
    assert all(finding.file == "upcasters/orders/v1_to_v2.py" and finding.line for finding in found)
