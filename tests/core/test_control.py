"""What operators ask adds up, whoever asked what in which order."""

from itertools import permutations

import pytest

from instar.core import control
from instar.core.control import Asked, Orders
from instar.core.parts import Parts, differences
from instar.core.throttle import Rate

ADA, BOB = Asked("ada", 1_000, "the disk is full"), Asked("bob", 2_000)
PARTS = Parts({"orders/v1": "aa"}, {"orders/v1_to_v2": "bb"}, {"on_error": "stop"})


def entries() -> dict[str, bytes]:
    return {
        control.key("m", "up", control.PAUSE): control.entry(ADA),
        control.key("m", "up", control.RATE): control.entry(BOB, **Rate(5000.0).as_dict()),
        control.key("m", "up", control.NAMED, "3"): control.entry(BOB),
        control.key("m", "up", control.PLAN, "0011"): control.entry(None, **PARTS.as_dict()),
        control.key("m", "down", control.PAUSE): control.entry(BOB),
    }


def test_each_entry_is_one_order_and_their_sequence_does_not_matter() -> None:
    whole = Orders(ADA, (Rate(5000.0), BOB), frozenset({3}), {"0011": PARTS})
    for sequence in permutations(entries().items()):
        assert Orders.of("m", "up", dict(sequence)) == whole
    assert Orders.of("m", "down", entries()) == Orders(BOB)
    assert Orders.of("other", "up", entries()) == Orders()


@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b'{"format": 2, "by": "x"}', b"\xff"])
def test_an_entry_of_another_format_says_nothing(value: bytes) -> None:
    assert Orders.of("m", "up", {control.key("m", "up", control.PAUSE): value}) == Orders()


def test_the_newest_word_on_the_rate_counts() -> None:
    own = Rate(10.0)
    ordered = Orders(rate=(Rate(5000.0), BOB))
    assert Orders().rate_for(own, 0) == own
    assert ordered.rate_for(own, started_ms=1_999) == Rate(5000.0)
    assert ordered.rate_for(own, started_ms=2_000) == own
    assert ordered.rate_for(Rate(), started_ms=9_999) == Rate(5000.0)  # a run without a rate of its own has no word
    assert Orders(rate=(Rate(), BOB)).rate_for(own, started_ms=0) == Rate()


def test_what_changed_between_two_plans_is_named() -> None:
    after = Parts({"orders/v1": "aa", "orders/v2": "cc"}, {}, {"on_error": "dead-letter", "mode": "ordered"})
    assert differences(PARTS, after) == [
        "schema orders/v2 is new",
        "hop orders/v1_to_v2 is gone",
        "setting mode was not set and is ordered",
        "setting on_error was stop and is dead-letter",
    ]
    assert differences(
        Parts({"a/v1": "1"}, {"a/v1_to_v2": "1"}, {}), Parts({"a/v1": "2"}, {"a/v1_to_v2": "2"}, {})
    ) == [
        "schema a/v1 was edited",
        "hop a/v1_to_v2 was edited",
    ]
    assert differences(PARTS, PARTS) == []


def test_parts_are_flat_and_survive_the_topic() -> None:
    content = {"schemas": {"a/v1": "f" * 64}, "hops": {}, "settings": {"source": {"topic": "a"}, "gates": ({"x": 1},)}}
    parts = Parts.of({**content, "settings": {**content["settings"], "none": None, "names": ("p", "q"), "no": ()}})
    assert parts.settings == {"source.topic": "a", "gates[0].x": "1", "names": "p, q"}
    assert parts.schemas == {"a/v1": "f" * 16}
    assert Parts.from_dict(parts.as_dict()) == parts
