"""Telemetry that nobody asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

from instar.cli.observing import observing
from instar.processor.observer import Unobserved

SERVICES = Path(__file__).resolve().parents[2] / "services"
LOADS = """
import sys
sys.path.insert(0, sys.argv[1])
import instar.cli.main
from instar.cli.observing import observing
with observing("verify", "m") as observed, observed.span("part"):
    pass
print([name for name in sys.modules if name.startswith(("opentelemetry", "prometheus_client"))])
"""


def test_a_command_without_telemetry_does_not_load_it() -> None:
    environment = {"PATH": ""}
    command = [sys.executable, "-c", LOADS, str(SERVICES)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout == "[]\n"


def test_a_worker_that_nobody_observes_has_the_observer_that_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    with observing("worker", "m", endless=True) as observed:
        made = observed.workers()(None)  # type: ignore[arg-type]
    assert isinstance(made, Unobserved)
