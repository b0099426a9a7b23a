"""Dead letters in the log: few lines, with the place and the trace of a record, and nothing of what it holds."""

import structlog

from instar.core.record import Record
from instar.core.rejected import Rejected
from instar.processor.letter_log import SAY_EVERY_S, LetterLog

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


def record(offset: int) -> Record:
    return Record("orders", 3, offset, b"secret-key", b"secret", (("traceparent", TRACE), ("h", b"secret")), 0)


def test_a_cause_is_said_at_first_and_then_now_and_then() -> None:
    now_s = [0.0]
    rejected = Rejected("hop-raised", "no such secret", hop="v1_to_v2", path="secret.place")
    with structlog.testing.capture_logs() as lines:
        log = LetterLog(structlog.get_logger().bind(slot="s"), lambda: now_s[0])
        for offset in range(100):
            log.take(record(offset), rejected)
        log.take(record(100), Rejected("unreadable", "secret"))
        now_s[0] = SAY_EVERY_S
        log.take(record(101), rejected)
    assert [(line["code"], line["offset"], line["since_last_line"]) for line in lines] == [
        ("hop-raised", 0, 1),
        ("unreadable", 100, 1),
        ("hop-raised", 101, 100),
    ]
    assert lines[0]["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert (lines[0]["topic"], lines[0]["partition"], lines[0]["slot"]) == ("orders", 3, "s")
    assert "secret" not in str(lines)
