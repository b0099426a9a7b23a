"""The metrics' instruments, each made once."""

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation
from opentelemetry.util.types import Attributes

from instar.telemetry import names
from instar.telemetry.names import Metric

Observe = Callable[[], Iterable[tuple[float, Attributes]]]
"""What a gauge shows now: values and their attributes. Called from the SDK's thread."""


class Instruments:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.consumed = self._counter(names.CONSUMED)
        self.sent = self._counter(names.SENT)
        self.records = self._counter(names.RECORDS)
        self.read_size = self._counter(names.READ_SIZE)
        self.transactions = self._counter(names.TRANSACTIONS)
        self.operation_duration = self._histogram(names.OPERATION_DURATION, names.DURATION_BOUNDS_S)
        self.transaction_duration = self._histogram(names.TRANSACTION_DURATION, names.DURATION_BOUNDS_S)
        self.latency = self._histogram(names.LATENCY, names.LATENCY_BOUNDS_S)
        self._observed: dict[Metric, list[Observe]] = {}

    def show(self, metric: Metric, observe: Observe) -> None:
        """A gauge that shows what ``observe`` gives, beside what others show under its name."""
        if metric in self._observed:
            self._observed[metric].append(observe)
            return
        observed = self._observed[metric] = [observe]

        def look(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, attributes) for one in tuple(observed) for value, attributes in one()]

        self._meter.create_observable_gauge(metric.name, [look], metric.unit, metric.description)

    def _counter(self, metric: Metric) -> Counter:
        return self._meter.create_counter(metric.name, metric.unit, metric.description)

    def _histogram(self, metric: Metric, bounds: tuple[float, ...]) -> Histogram:
        return self._meter.create_histogram(
            metric.name, metric.unit, metric.description, explicit_bucket_boundaries_advisory=bounds
        )
