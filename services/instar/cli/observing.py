"""Wiring: what the environment asks of telemetry, for a command and for the workers that it starts.

The SDK is imported only where something is on.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from instar.core.trace_context import TraceContext
from instar.processor.observer import Observer, Unobserved
from instar.processor.plan import BridgePlan
from instar.telemetry import names
from instar.telemetry.settings import Settings, from_environment
from instar.telemetry.work import Work
from instar.verifier.report import Report

if TYPE_CHECKING:
    from instar.telemetry.setup import Telemetry
    from instar.telemetry.verification import Verified

_NONE: Mapping[str, Any] = MappingProxyType({})
_telemetry: "Telemetry | None" = None  # this process's own, while a command or a worker of it runs


@dataclass(frozen=True, slots=True)
class Observe:
    """Makes a worker's observer, in the worker's own process. ``number`` is its place among the command's workers.

    ``replay``: what it carries is history.
    """

    settings: Settings
    command: TraceContext | None
    replay: bool = False
    number: int = 0

    def of(self, number: int) -> "Observe":
        return replace(self, number=number)

    def __call__(self, plan: BridgePlan) -> Observer:
        if not self.settings.on:
            return Unobserved()
        from instar.telemetry.watching import Watching

        if _telemetry is not None:
            return Watching(_telemetry, _work(plan, replay=self.replay), self.command)
        # A process of the worker's own, which ends with it.
        telemetry = _made(self.settings, f"{plan.migration}.{plan.direction}.{self.number}", self.number)
        return Watching(telemetry, _work(plan, replay=self.replay), self.command, owns=True)


def _work(plan: BridgePlan, *, replay: bool = False) -> Work:
    letters = None if plan.stop_on_error else plan.dead_letters.name
    return Work(plan.migration, plan.direction, plan.source.name, plan.group, letters, replay=replay)


class Observing:
    """A command that is observed, or not."""

    def __init__(self, settings: Settings, telemetry: "Telemetry | None", command: TraceContext | None) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._command = command
        self._verified: dict[str, Verified] = {}

    def workers(self, *, replay: bool = False) -> Observe:
        return Observe(self._settings, self._command, replay)

    def redrive(self) -> "Callable[[BridgePlan], Observer]":
        """Makes the observer of a redrive."""

        def observe(plan: BridgePlan) -> Observer:
            if self._telemetry is None:
                return Unobserved()
            from instar.telemetry.watching import Watching

            work = replace(_work(plan), dead_letters=None, operation=names.REDRIVING, redrive=True)
            return Watching(self._telemetry, work, self._command)

        return observe

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Any] = _NONE) -> Iterator[Callable[[dict[str, Any]], None]]:
        """A part of the command. Yields what takes further attributes of it."""
        if self._telemetry is None:
            yield lambda _: None
            return
        from instar.telemetry.command import spanned

        with spanned(self._telemetry.tracer, name, attributes) as span:
            yield span.set_attributes

    def verified(self, report: Report) -> dict[str, Any]:
        """Measure what a comparison came to, and say it as attributes."""
        found, result = report.coverage, report.result
        whole = found["offsets_in_source"]
        coverage = min(1.0, found["offsets_compared"] / whole) if whole else 1.0
        if self._telemetry is not None and self._telemetry.measuring:
            from instar.telemetry.verification import Verified

            if report.direction not in self._verified:
                self._verified[report.direction] = Verified(
                    self._telemetry.instruments, report.migration, report.direction, report.mode.value
                )
            kinds = ("lost", "duplicated", "out_of_order", "mismatched", "rogue")
            self._verified[report.direction].take(
                coverage, result.read, {kind: getattr(result, kind) for kind in kinds}
            )
        return {names.COVERAGE: coverage, names.FAULTS: result.faults}


@contextmanager
def observing(
    command: str, migration: str, attributes: Mapping[str, Any] = _NONE, *, endless: bool = False
) -> Iterator[Observing]:
    """Observe a command as the environment asks. ``endless``: no span is over it all, it would never be seen."""
    global _telemetry
    settings = from_environment(os.environ)
    if not settings.on and not settings.complaints:
        yield Observing(settings, None, None)
        return
    telemetry = _telemetry = _made(settings, "", 0)
    try:
        if endless:
            yield Observing(settings, telemetry, None)
            return
        from instar.telemetry.command import here, spanned

        said = {names.COMMAND: command, names.MIGRATION: migration, **attributes}
        with spanned(telemetry.tracer, f"instar {command}", said):
            yield Observing(settings, telemetry, here())
    finally:
        _telemetry = None
        telemetry.close()


def _made(settings: Settings, worker: str, number: int) -> "Telemetry":
    from instar.telemetry.setup import Telemetry

    return Telemetry(settings, "/".join(filter(None, (socket.gethostname(), worker))), number)
