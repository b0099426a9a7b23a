"""Names that go out are those of OpenTelemetry's conventions where these have one."""

from opentelemetry.semconv._incubating.attributes import messaging_attributes
from opentelemetry.semconv._incubating.metrics import messaging_metrics
from opentelemetry.semconv.attributes import error_attributes, service_attributes

from instar.telemetry import names
from instar.telemetry.names import Metric

KNOWN = {
    value
    for module in (messaging_attributes, messaging_metrics, error_attributes, service_attributes)
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, str)
} | {"service.instance.id"}
OURS = {value for value in vars(names).values() if isinstance(value, str) and "." in value} - {
    names.__name__,
    names.__file__,
    names.__doc__,
    names.__package__,
}
METRICS = {value.name for value in vars(names).values() if isinstance(value, Metric)}


def test_a_name_is_of_the_conventions_or_begins_with_instar() -> None:
    names_of_attributes = {name for name in OURS if "/" not in name and " " not in name}
    assert len(names_of_attributes) > 20
    assert {name for name in names_of_attributes | METRICS if not name.startswith("instar.")} <= KNOWN


def test_the_conventions_own_constants_have_the_same_values() -> None:
    for name, value in vars(names).items():
        if name.startswith("MESSAGING_"):
            assert getattr(messaging_attributes, name) == value
