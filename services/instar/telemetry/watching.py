"""Watching what carries records: the observer that the services call, once a batch."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from opentelemetry.trace import Span

from instar.core.bridge import Bridge, Carried, Carry
from instar.core.checkpoint import Counts
from instar.core.provenance import Stamp
from instar.core.record import Output, Record
from instar.core.throttle import Cause
from instar.core.trace_context import TraceContext, sampled_context
from instar.telemetry.figures import Figures
from instar.telemetry.harmless import harmless
from instar.telemetry.records import RecordSpans
from instar.telemetry.setup import Telemetry
from instar.telemetry.transaction import TransactionSpan, ago_ns
from instar.telemetry.work import Work

Into = Callable[[Record], str]


class Watching:
    """An ``Observer`` of the processor and of the dead letters, see the ports of that name.

    Nothing here raises: after a failure it watches no more.
    """

    def __init__(
        self, telemetry: Telemetry, work: Work, command: TraceContext | None = None, *, owns: bool = False
    ) -> None:
        """``command`` is the span of the command that it is part of. ``owns``: it closes what it tells, too."""
        self.broken = False
        self._owned = telemetry if owns else None
        self._transaction: TransactionSpan | None = None
        self._records: RecordSpans | None = None
        self._figures: Figures | None = None
        if telemetry.tracing:
            self._transaction = TransactionSpan(telemetry.tracer, work, command)
            self._records = RecordSpans(telemetry.tracer, work)
        if telemetry.measuring:
            self._figures = Figures(telemetry.instruments, work)

    def carrying(self, bridge: Bridge, into: Into) -> Carry:
        """``bridge.carry``, watched. ``into`` names the topic that takes a record's outputs."""
        carried_of = self._tracing(bridge, into) or bridge.carry
        if self._figures is None:
            return carried_of
        tally = self._figures.carried

        def carry(record: Record, stamp: Stamp) -> Carried:
            carried = carried_of(record, stamp)
            tally(carried)
            return carried

        return carry

    def _tracing(self, bridge: Bridge, into: Into) -> Carry | None:
        plain = bridge.carry
        told = self._told(bridge)
        if told is None:
            return None

        def carry(record: Record, stamp: Stamp) -> Carried:
            context = sampled_context(record.headers)
            if context is None:
                return plain(record, stamp)
            span = self._begin(record, context)
            if span is None:
                return plain(record, stamp)
            told.forget_rejected_routes()
            carried = told.carry(record, stamp)
            self._finish(span, record, carried, into)
            return carried

        return carry

    @harmless
    def _told(self, bridge: Bridge) -> Bridge | None:
        return None if self._records is None else self._records.telling(bridge)

    @harmless
    def _begin(self, record: Record, context: TraceContext) -> Span | None:
        if self._transaction is None or self._records is None:
            return None
        self._transaction.sampled(context)
        return None if self._records.full else self._records.begin(record, context, self._transaction.context)

    @harmless
    def _finish(self, span: Span, record: Record, carried: Carried, into: Into) -> None:
        if self._records is not None:
            self._records.finish(span, record, carried, into(record))

    @harmless
    def polled(self, records: Sequence[Record], began_s: float) -> None:
        if self._transaction is not None:
            self._transaction.polled(len(records), ago_ns(began_s))
        if self._figures is not None:
            self._figures.polled(records, began_s)

    @harmless
    def transformed(self, size_bytes: int, outputs: Mapping[tuple[str, int], Sequence[Output]]) -> None:
        if self._transaction is not None:
            self._transaction.transformed()
        if self._figures is not None:
            self._figures.transformed(size_bytes, outputs)

    @harmless
    def committed(self, counts: Counts, partitions: Iterable[int], began_s: float, took_s: float) -> None:
        if self._records is not None:
            self._records.commit()
        if self._transaction is not None:
            self._transaction.committed(ago_ns(began_s), counts.dead_lettered)
        if self._figures is not None:
            self._figures.committed(counts, partitions, took_s)

    @harmless
    def aborted(self, reason: str) -> None:
        if self._records is not None:
            self._records.abort()
        if self._transaction is not None:
            self._transaction.aborted(reason)
        if self._figures is not None:
            self._figures.aborted()

    @harmless
    def stands(self, lags: Callable[[], Mapping[int, int]], cause: Cause | None) -> None:
        if self._figures is not None:
            self._figures.stands(lags(), cause)

    def close(self) -> None:
        """What is open is not known to be committed."""
        self.aborted("the worker ended")
        if self._owned is not None:
            self._owned.close()
