"""One verification of one direction, in any mode: reads, keeps its state, and answers with a report."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from threading import Event

from instar.clock import now_ms
from instar.core.comparison import Comparison, Difference
from instar.core.cut import Cut
from instar.kafka.errors import Refused
from instar.verifier import counts, digests, full, halves, samples
from instar.verifier.explain import Explainer
from instar.verifier.full import Watch
from instar.verifier.inputs import Inputs, Opener, Side
from instar.verifier.modes import Mode
from instar.verifier.report import PartitionScope, Report, TopicScope
from instar.verifier.state import OtherPlan, Positions, State

SAVE_EVERY_S = 2.0
FOLLOW_EVERY_S = 1.0


@dataclass(slots=True)
class Options:
    """``samples`` and ``seed`` are of mode sample. ``on_round`` is told of each round while following."""

    mode: Mode = Mode.FULL
    resume: bool = False
    samples: int = 20
    seed: int = 0
    stop: Event = field(default_factory=Event)
    on_record: Callable[[], None] = lambda: None
    on_round: Callable[[Report], None] = lambda _: None


OpenState = Callable[[Mapping[str, str]], State]


def run(opener: Opener, open_state: OpenState, options: Options) -> Report:
    """Verify once. Raises ``KafkaTrouble``, and ``Refused`` for what this mode cannot do."""
    began_ms = now_ms()
    inputs = opener.open()
    halves.require_whole(inputs, options.mode, again=options.resume)
    report = _report(inputs, options, began_ms)
    state = open_state(inputs.key())
    watch = Watch(on_record=options.on_record, stop=options.stop)
    match options.mode:
        case Mode.COUNTS:
            _run_counts(opener, inputs, report, watch)
        case Mode.DIGEST:
            _run_digests(opener, inputs, report, watch, state)
        case Mode.SAMPLE:
            _run_samples(inputs, report, options)
        case Mode.FULL:
            positions = _positions(state, options, inputs, began_ms)
            _run_full(opener, inputs, report, watch, state, positions)
    return _ended(report, state)


def follow(opener: Opener, open_state: OpenState, options: Options) -> Report:
    """Compare behind the live bridge, round after round, until stopped. Raises ``KafkaTrouble``."""
    began_ms = now_ms()
    inputs = opener.open()
    halves.require_whole(inputs, options.mode, again=True)
    state = open_state(inputs.key())
    positions = _positions(state, options, inputs, began_ms)
    watch = Watch(on_record=options.on_record, stop=options.stop)
    before: dict[int, int] = {}
    while True:
        report = _report(inputs, options, began_ms)
        _run_full(opener, inputs, report, watch, state, positions)
        report = _ended(report, state)
        bounds = {partition: inputs.bound(partition) for partition in inputs.checkpoints}
        if options.stop.is_set():
            report.complete = False
            return report
        options.on_round(report)
        if bounds == before and options.stop.wait(FOLLOW_EVERY_S):
            report.complete = False
            return report
        before = bounds
        inputs = opener.open()


def _positions(state: State, options: Options, inputs: Inputs, began_ms: int) -> Positions:
    """Where to go on: with ``resume`` where an earlier run stands. Partitions that are not compared now keep theirs."""
    try:
        positions = state.load() or Positions()
    except OtherPlan as other:
        if options.resume:
            raise Refused(
                f"The saved comparison is of another plan: {', '.join(other.changed)} changed since.",
                "Run without --resume to begin anew.",
            ) from other
        positions = Positions()
    for partition in inputs.checkpoints:
        if not options.resume:
            positions.cuts.pop(partition, None)
        if partition not in positions.cuts:
            positions.began_ms[partition] = began_ms
    return positions


def _run_full(opener: Opener, inputs: Inputs, report: Report, watch: Watch, state: State, positions: Positions) -> None:
    saved_s = time.monotonic()

    def on_cut(partition: int, cut: Cut) -> None:
        nonlocal saved_s
        positions.cuts[partition] = cut
        if time.monotonic() - saved_s >= SAVE_EVERY_S:
            state.save(positions)
            saved_s = time.monotonic()

    watch = replace(watch, on_cut=on_cut)
    report.began_ms = min((positions.began_ms[one] for one in inputs.checkpoints), default=report.began_ms)
    for partition in sorted(inputs.checkpoints):
        cut = positions.cuts.get(partition)
        if watch.stopped:
            report.complete = False
            if cut is not None:
                _add(report, inputs, partition, cut.counted.copy(), cut.source, settled_below=cut.source)
            continue
        if inputs.checkpoints[partition].split is None:
            done = full.compare_partition(opener, inputs, partition, cut, watch)
        else:
            done = halves.compare_partition(opener, inputs, partition, watch)
        if done.cut is not None:
            done.cut.counted.differences = _explained(inputs, done.cut.counted)
            positions.cuts[partition] = done.cut
        elif done.complete:
            positions.cuts.pop(partition, None)
        state.save(positions)
        report.readings = max(report.readings, done.readings)
        report.unconfirmed += done.unconfirmed
        bound = inputs.bound(partition) if done.complete else (done.cut.source if done.cut else inputs.first(partition))
        _add(report, inputs, partition, done.result, bound, settled_below=None if cut is None else cut.source)
        report.complete = report.complete and done.complete and not inputs.checkpoints[partition].history_left
    state.save(positions)


def _run_digests(opener: Opener, inputs: Inputs, report: Report, watch: Watch, state: State) -> None:
    for side in (inputs.source, inputs.target):
        if side.compacted:
            raise Refused(
                f"Topic {side.topic} is compacted: records disappear from a digest that was right.",
                "Use --mode full.",
            )
    totals = {"kept": 0, "made": 0, "compared": 0}
    for partition in sorted(inputs.checkpoints):
        kept = state.digests(partition, inputs.bound(partition))
        keep = state.keeper(partition, kept)
        done = digests.compare_partition(opener, inputs, partition, kept, keep, watch)
        totals["kept"] += done.kept
        totals["made"] += done.made
        totals["compared"] += done.compared
        if not done.complete:
            report.complete = False
            break
        _add(report, inputs, partition, done.result, inputs.bound(partition))
        if done.compared:
            report.readings = 2
    report.digests = totals


def _run_counts(opener: Opener, inputs: Inputs, report: Report, watch: Watch) -> None:
    for partition in sorted(inputs.checkpoints):
        if watch.stopped:
            report.complete = False
            break
        result, readings = counts.compare_partition(opener, inputs, partition, watch)
        report.readings = max(report.readings, readings)
        _add(report, inputs, partition, result, inputs.bound(partition))


def _run_samples(inputs: Inputs, report: Report, options: Options) -> None:
    report.seed = options.seed
    sampled = samples.draw(inputs, options.samples, Random(options.seed))
    report.samples = sampled.samples
    for partition in sorted(inputs.checkpoints):
        of_partition = sampled.results.get(partition, Comparison())
        _add(report, inputs, partition, of_partition, inputs.bound(partition))


def _add(
    report: Report,
    inputs: Inputs,
    partition: int,
    result: Comparison,
    bound: int,
    *,
    settled_below: int | None = None,
) -> None:
    result.differences = _explained(inputs, result)
    source = inputs.source
    report.partitions.append(
        PartitionScope(
            partition,
            inputs.first(partition),
            bound,
            source.starts[partition],
            source.ends[partition],
            result,
            complete=bound >= inputs.bound(partition),
            settled_below=settled_below,
            history_left=inputs.checkpoints[partition].history_left,
        )
    )


def _explained(inputs: Inputs, result: Comparison) -> list[Difference]:
    explainer = Explainer(inputs.judge)
    return [explainer.explained(one) for one in result.differences]


def _report(inputs: Inputs, options: Options, began_ms: int) -> Report:
    return Report(
        migration=inputs.migration,
        direction=inputs.direction,
        mode=options.mode,
        fingerprint=inputs.fingerprint,
        source=_topic(inputs.source),
        target=_topic(inputs.target),
        letters=_topic(inputs.letters),
        began_ms=began_ms,
        ended_ms=began_ms,
        source_partitions=inputs.source_partitions,
    )


def _topic(side: Side) -> TopicScope:
    return TopicScope(side.topic, side.topic_id.hex())


def _ended(report: Report, state: State) -> Report:
    """The result that is kept is the last comparison of everything, or any that found something not right."""
    report.ended_ms = now_ms()
    whole = report.complete and len(report.partitions) == report.source_partitions
    if report.mode in {Mode.FULL, Mode.DIGEST} and (whole or not report.right):
        state.save_result(report.document())
    return report
