"""What is asked for, by OpenTelemetry's own environment variables. Nothing asked for: nothing runs.

``OTEL_TRACES_EXPORTER`` and ``OTEL_METRICS_EXPORTER`` say where each goes. Where they are not set, an OTLP endpoint
turns on what it is an endpoint for. Endpoints, headers, sampler, limits and intervals are read by the SDK itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

TracesTo = Literal["otlp", "none"]
MetricsTo = Literal["otlp", "prometheus", "none"]

PROMETHEUS_HOST = "127.0.0.1"
PROMETHEUS_PORT = 9464  # the OpenTelemetry specification's


@dataclass(frozen=True, slots=True)
class Settings:
    """``host`` and ``port`` are where Prometheus finds the metrics. ``complaints`` are what could not be understood."""

    traces: TracesTo = "none"
    metrics: MetricsTo = "none"
    host: str = PROMETHEUS_HOST
    port: int = PROMETHEUS_PORT
    complaints: tuple[str, ...] = ()

    @property
    def on(self) -> bool:
        return self.traces != "none" or self.metrics != "none"


def from_environment(environ: Mapping[str, str]) -> Settings:
    """What cannot be understood is off and complained of: telemetry never keeps a migration from running."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Settings()
    complaints: list[str] = []
    traces = _exporter(environ, "TRACES", ("otlp",), complaints)
    metrics = _exporter(environ, "METRICS", ("otlp", "prometheus"), complaints)
    port = PROMETHEUS_PORT
    asked = environ.get("OTEL_EXPORTER_PROMETHEUS_PORT", "").strip()
    if asked:
        if asked.isdecimal() and 0 <= int(asked) <= 65_535:
            port = int(asked)
        else:
            complaints.append(f"OTEL_EXPORTER_PROMETHEUS_PORT={asked} is no port: {port} is used")
    host = environ.get("OTEL_EXPORTER_PROMETHEUS_HOST", "").strip() or PROMETHEUS_HOST
    return Settings(
        "otlp" if traces == "otlp" else "none",
        "otlp" if metrics == "otlp" else "prometheus" if metrics == "prometheus" else "none",
        host,
        port,
        tuple(complaints),
    )


def _exporter(environ: Mapping[str, str], signal: str, known: tuple[str, ...], complaints: list[str]) -> str:
    name = f"OTEL_{signal}_EXPORTER"
    asked = environ.get(name, "").strip().lower()
    if not asked:
        endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        asked = "otlp" if any(environ.get(endpoint, "").strip() for endpoint in endpoints) else "none"
    if asked == "none":
        return "none"
    if asked not in known:
        complaints.append(f"{name}={asked} is not supported, write {' or '.join(known)}: {signal.lower()} are off")
        return "none"
    protocols = (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    protocol = next((environ[each].strip() for each in protocols if environ.get(each, "").strip()), "http/protobuf")
    if asked == "otlp" and protocol != "http/protobuf":
        complaints.append(f"OTLP over {protocol} is not supported, only http/protobuf: {signal.lower()} are off")
        return "none"
    return asked
