"""The SDK's providers and exporters of one process, started when something is first measured or traced.

They are this process's own, not OpenTelemetry's global ones: a program that has instar inside keeps its own.
"""

import os
import threading
from functools import cached_property
from wsgiref.simple_server import WSGIServer

import structlog
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracer, Tracer

from instar import __version__
from instar.telemetry import complaints, names
from instar.telemetry.instruments import Instruments
from instar.telemetry.settings import Settings

log = structlog.get_logger(__name__)

CLOSE_TIMEOUT_S = 5.0  # what is not delivered by then is lost: a command does not wait for a collector that is away


class Telemetry:
    """``instance`` names this process among others. ``number`` is its place among worker processes of one command:
    each serves Prometheus at a port of its own."""

    def __init__(self, settings: Settings, instance: str, number: int = 0) -> None:
        self._settings = settings
        self._number = number
        self._traces: TracerProvider | None = None
        self._metrics: MeterProvider | None = None
        self._page: WSGIServer | None = None
        self._resource = Resource.create(
            {names.SERVICE_VERSION: __version__, names.SERVICE_INSTANCE_ID: instance}
            | ({} if _names_service() else {names.SERVICE_NAME: names.SCOPE})
        )
        complaints.listen()
        for complaint in settings.complaints:
            log.warning("telemetry setting not understood", why=complaint)

    @property
    def tracing(self) -> bool:
        return self._settings.traces != "none"

    @property
    def measuring(self) -> bool:
        return self._settings.metrics != "none"

    @cached_property
    def tracer(self) -> Tracer:
        """Where it cannot be set up, one that traces nothing."""
        if not self.tracing:
            return NoOpTracer()
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            provider = TracerProvider(resource=self._resource, shutdown_on_exit=False)
            provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        except Exception as problem:  # what the SDK makes of its variables is its own
            log.warning("traces are off", why=repr(problem), remedy="look at the OTEL_ variables")
            return NoOpTracer()
        self._traces = provider
        return provider.get_tracer(names.SCOPE, __version__)

    @cached_property
    def instruments(self) -> Instruments:
        """Where nobody can be told, ones that measure for nobody."""
        try:
            readers = self._readers()
            self._metrics = MeterProvider(readers, resource=self._resource, shutdown_on_exit=False)
        except Exception as problem:
            log.warning("metrics are off", why=repr(problem), remedy="look at the OTEL_ variables")
            return Instruments(NoOpMeterProvider().get_meter(names.SCOPE))
        return Instruments(self._metrics.get_meter(names.SCOPE, __version__))

    def _readers(self) -> list[MetricReader]:
        if self._settings.metrics == "prometheus":
            return self._prometheus()
        if self._settings.metrics == "none":
            return []
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        return [PeriodicExportingMetricReader(OTLPMetricExporter())]

    def _prometheus(self) -> list[MetricReader]:
        """A page of its own on this machine. A port that is taken costs the metrics, not the migration."""
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from prometheus_client import CollectorRegistry, start_http_server

        host, port = self._settings.host, self._settings.port
        port = port + self._number if port else 0
        registry = CollectorRegistry()
        try:
            self._page, _ = start_http_server(port, host, registry)
        except (OSError, OverflowError) as problem:
            log.warning(
                "metrics are not served",
                why=f"http://{host}:{port}: {problem}",
                remedy="set OTEL_EXPORTER_PROMETHEUS_PORT to a port that is free",
            )
            return []
        log.info("metrics are served", url=f"http://{host}:{self._page.server_port}/metrics")
        return [PrometheusMetricReader(registry=registry)]

    def close(self) -> None:
        """Deliver what is there, and wait a little for it. Nothing may be measured or traced afterwards."""
        if self._page is not None:
            self._page.shutdown()
            self._page.server_close()
        providers = [provider for provider in (self._traces, self._metrics) if provider is not None]
        threads = [
            threading.Thread(target=provider.shutdown, name="instar telemetry", daemon=True) for provider in providers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(CLOSE_TIMEOUT_S)
            if thread.is_alive():
                log.warning("telemetry is not all delivered", why=f"its collector took over {CLOSE_TIMEOUT_S:.0f} s")


def _names_service() -> bool:
    """Does the environment name the service? The SDK takes it from there, and what we give would hide it."""
    given = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return bool(os.environ.get("OTEL_SERVICE_NAME")) or f"{names.SERVICE_NAME}=" in given
