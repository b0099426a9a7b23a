"""Log lines: JSON on stderr, or readable text where a person looks at it."""

import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from instar.cli.output import one_line

_JSON = structlog.processors.JSONRenderer()


def configure(level: str = "INFO") -> None:
    """For this process; each worker process calls it as well. ``level`` is the least that is said."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _trace,
            *([_printable, structlog.dev.ConsoleRenderer()] if sys.stderr.isatty() else [_JSON]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _printable(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What others wrote, a reason or a broker's words, moves no cursor on the terminal of whoever looks on."""
    return {name: one_line(said, len(said)) if isinstance(said, str) else said for name, said in event.items()}


def _trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The trace that a line was said in. A line about one record names that record's own."""
    if "trace_id" not in event and "instar.telemetry.setup" in sys.modules:  # else nothing is traced
        from instar.telemetry.command import trace_of_now

        event.update(trace_of_now())
    return event
