"""What the SDK complains of does not drown the log."""

import logging

import structlog

from instar.telemetry.complaints import LIMIT_KINDS, SAY_EVERY_S, Complaints


def complaint(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("opentelemetry.sdk", logging.ERROR, __file__, 1, message, arguments, None)


def test_each_kind_is_said_at_first_and_then_once_a_minute() -> None:
    now_s = [0.0]
    handler = Complaints(lambda: now_s[0])
    with structlog.testing.capture_logs() as lines:
        for second in range(int(SAY_EVERY_S) + 1):
            now_s[0] = float(second)
            handler.emit(complaint("failed to export, code %s", second))
        handler.emit(complaint("queue is full"))
    assert [(line["why"], line["repeated"]) for line in lines] == [
        ("failed to export, code 0", 0),
        ("failed to export, code 60", 59),
        ("queue is full", 0),
    ]


def test_kinds_without_end_become_one() -> None:
    handler = Complaints(lambda: 0.0)
    with structlog.testing.capture_logs() as lines:
        for number in range(10 * LIMIT_KINDS):
            handler.emit(complaint(f"another {number}"))
    assert len(lines) == LIMIT_KINDS + 1
