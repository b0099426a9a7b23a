"""What the environment asks of telemetry."""

import pytest

from instar.telemetry.settings import Settings, from_environment


def test_nothing_asked_for_is_nothing() -> None:
    assert not from_environment({}).on
    assert from_environment({"OTEL_SERVICE_NAME": "x"}) == Settings()


def test_an_endpoint_turns_on_what_it_is_an_endpoint_for() -> None:
    both = from_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})
    assert (both.traces, both.metrics) == ("otlp", "otlp")
    traces = from_environment({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"})
    assert (traces.traces, traces.metrics) == ("otlp", "none")


def test_an_exporter_that_is_named_counts_before_the_endpoint() -> None:
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}
    assert from_environment(asked | {"OTEL_METRICS_EXPORTER": "prometheus"}) == Settings("none", "prometheus")
    assert not from_environment(asked | {"OTEL_METRICS_EXPORTER": "none"}).on


def test_the_sdk_can_be_disabled_altogether() -> None:
    assert not from_environment({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}).on


def test_prometheus_is_for_this_machine_unless_asked_otherwise() -> None:
    asked = {"OTEL_METRICS_EXPORTER": "prometheus"}
    assert (from_environment(asked).host, from_environment(asked).port) == ("127.0.0.1", 9464)
    asked |= {"OTEL_EXPORTER_PROMETHEUS_HOST": "0.0.0.0", "OTEL_EXPORTER_PROMETHEUS_PORT": "9500"}  # noqa: S104
    assert (from_environment(asked).host, from_environment(asked).port) == ("0.0.0.0", 9500)  # noqa: S104


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER=zipkin is not supported, write otlp"),
        ({"OTEL_METRICS_EXPORTER": "statsd"}, "write otlp or prometheus"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTLP over grpc is not supported"),
        ({"OTEL_EXPORTER_PROMETHEUS_PORT": "99999"}, "OTEL_EXPORTER_PROMETHEUS_PORT=99999 is no port"),
    ],
)
def test_what_cannot_be_understood_is_off_and_said(asked: dict[str, str], said: str) -> None:
    settings = from_environment(asked)
    assert not settings.on
    (complaint,) = settings.complaints
    assert said in complaint
