"""Numbers that go wrong stop a rollout within their window, and numbers that are missing do not let it go on."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core.rollout.limits import MEASURES, Limit, Measure, Sample, gravest, judge

EVERY_MS = 5_000
ERRORS = Limit("error_rate", 0.001, 60, "rollback")


def running(seconds: int, per_s: int = 100, failing: float = 0.0, *, from_s: int = 0) -> list[Sample]:
    """A worker that reads at a rate, of which a part fails from a moment on."""
    samples = []
    for at_ms in range(0, seconds * 1000 + 1, EVERY_MS):
        bad_s = max(0, at_ms // 1000 - from_s)
        samples.append(
            Sample(at_ms, at_ms // 1000 * per_s, int(bad_s * per_s * failing), 0, lag_records=10, latency_ms=50.0)
        )
    return samples


def test_a_hop_that_begins_to_fail_at_one_in_a_hundred_is_seen_within_its_window() -> None:
    samples = running(300, failing=0.01, from_s=200)
    seen_s = next(
        sample.at_ms / 1000
        for index, sample in enumerate(samples)
        if judge(ERRORS, samples[: index + 1], sample.at_ms).verdict == "breached"
    )
    print(f"a hop that fails at 1 % from second 200 on is seen {seen_s - 200:.0f} s later; window {ERRORS.window_s} s")
    assert 200 < seen_s <= 200 + ERRORS.window_s


def test_old_errors_leave_with_their_window() -> None:
    bad = Sample(1_000, 1_000, 500)
    after = [Sample(ms, ms, 500) for ms in range(2_000, 120_000, 1_000)]
    assert judge(ERRORS, [Sample(0, 0, 0), bad, *after[:30]], 31_000).verdict == "breached"
    assert judge(ERRORS, [Sample(0, 0, 0), bad, *after], 119_000).verdict == "ok"


@pytest.mark.parametrize("measure", MEASURES)
def test_nothing_known_is_inconclusive_and_pauses(measure: Measure) -> None:
    limit = replace(ERRORS, measure=measure, baseline_per_s=100.0)
    for samples in ([], [Sample(0)], [Sample(ms) for ms in range(0, 60_000, 5_000)]):
        verdict = judge(limit, samples, 60_000)
        assert (verdict.verdict, verdict.action) == ("inconclusive", "pause")
        assert verdict.evidence
    assert judge(replace(limit, then="alert"), [], 0).action == "alert"


def test_few_records_and_counts_that_went_backwards_say_nothing() -> None:
    assert judge(ERRORS, [Sample(0, 0, 0), Sample(5_000, 99, 99)], 5_000).verdict == "inconclusive"
    assert judge(ERRORS, [Sample(0, 0, 0), Sample(5_000, 100, 1)], 5_000).verdict == "breached"
    assert judge(ERRORS, [Sample(0, 9_000, 5), Sample(5_000, 0, 0), Sample(9_000, 9_500, 5)], 9_000).verdict == (
        "inconclusive"
    )
    assert judge(ERRORS, [Sample(0, 0, 0), Sample(5_000, 500, 0), Sample(9_000)], 9_000).verdict == "inconclusive"


def test_the_limit_itself_is_kept() -> None:
    exact = replace(ERRORS, above=0.01)
    assert judge(exact, [Sample(0, 0, 0), Sample(5_000, 1_000, 10)], 5_000).verdict == "ok"
    assert judge(exact, [Sample(0, 0, 0), Sample(5_000, 1_000, 11)], 5_000).verdict == "breached"


def test_lag_and_latency_are_breached_when_they_never_come_down() -> None:
    for measure, name in (("lag", "lag_records"), ("latency", "latency_ms")):
        limit = Limit(measure, 100, 30, "pause")
        high = [replace(Sample(ms), **{name: 101}) for ms in range(0, 30_001, 5_000)]
        assert judge(limit, high, 30_000).verdict == "breached"
        once = [*high[:-1], replace(high[-1], **{name: 100})]
        assert judge(limit, once, 30_000).verdict == "ok"
        assert judge(limit, [*once[:-2], Sample(25_000), once[-1]], 30_000).verdict == "inconclusive"
        assert judge(limit, high, 90_000).verdict == "inconclusive"  # nothing was seen for a minute


def test_throughput_is_held_against_its_baseline() -> None:
    limit = Limit("throughput", 0.8, 60, "pause", baseline_per_s=100.0)
    assert judge(limit, running(60, 80), 60_000).verdict == "ok"
    assert judge(limit, running(60, 79), 60_000).verdict == "breached"
    assert judge(limit, running(25, 1), 25_000).verdict == "inconclusive"  # too early to say
    assert judge(replace(limit, baseline_per_s=0.0), running(60), 60_000).verdict == "inconclusive"


def test_one_mismatch_is_one_too_many() -> None:
    limit = Limit("mismatches", 0, 60, "rollback")
    assert judge(limit, [Sample(0, mismatches=3), Sample(5_000, mismatches=3)], 5_000).verdict == "ok"
    found = judge(limit, [Sample(0, mismatches=3), Sample(5_000, mismatches=4)], 5_000)
    assert (found.verdict, found.action) == ("breached", "rollback")


@given(st.permutations([ERRORS, Limit("lag", 5, 60, "alert"), Limit("throughput", 0.8, 60, "pause", 200.0)]))
def test_the_gravest_action_is_taken_whatever_the_order(limits: list[Limit]) -> None:
    samples = running(60, failing=0.5)
    action, evidence = gravest(judge(limit, samples, 60_000) for limit in limits)
    assert action == "rollback"
    assert evidence.startswith("error_rate: 3000 of 6000")
    assert gravest(judge(limit, samples, 60_000) for limit in limits if limit is not ERRORS)[0] == "pause"
    assert gravest([]) == ("none", "")


@given(st.lists(st.builds(Sample, *[st.integers(0, 90_000)] + [st.none() | st.integers(0, 10**6)] * 4), max_size=8))
def test_every_window_has_a_verdict_whose_action_fits(samples: list[Sample]) -> None:
    samples = sorted(samples, key=lambda sample: sample.at_ms)
    for measure in MEASURES:
        for then in ("alert", "pause", "rollback"):
            verdict = judge(Limit(measure, 0.5, 60, then, baseline_per_s=50.0), samples, 90_000)
            assert (verdict.action == "none") == (verdict.verdict == "ok")
            if verdict.verdict == "inconclusive":
                assert verdict.action == ("alert" if then == "alert" else "pause")
            elif verdict.verdict == "breached":
                assert verdict.action == then
