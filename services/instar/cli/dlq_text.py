"""Dead letters as rows and as text."""

from datetime import UTC, datetime
from typing import Any

from instar.core.redrive import Settled
from instar.dead_letters.choice import Cause, field_of
from instar.dead_letters.redrive import Outcome
from instar.kafka.letters import Letter

CAUSE_COLUMNS = {
    "direction": "direction",
    "code": "code",
    "hop": "hop",
    "field": "field",
    "outstanding": "outstanding",
    "redriven": "redriven",
    "discarded": "discarded",
    "first": "first",
    "last": "last",
    "message": "for example",
}
OUTCOME_COLUMNS = {
    "direction": "direction",
    "result": "result",
    "letters": "letters",
    "outputs": "outputs",
    "why": "why",
}


def cause_row(cause: Cause) -> dict[str, Any]:
    """``first`` and ``last`` are the oldest and newest outstanding letters, as ``--letter`` takes them."""
    return {
        "direction": cause.direction,
        "code": cause.code,
        "hop": cause.hop,
        "field": cause.field,
        "outstanding": cause.outstanding,
        "redriven": cause.redriven,
        "discarded": cause.discarded,
        "first": _place(cause.first),
        "first_source": _source(cause.first),
        "last": _place(cause.last),
        "last_source": _source(cause.last),
        "message": None if cause.first is None else cause.first.verdict.rejected.message,
    }


def _place(letter: Letter | None) -> str | None:
    return None if letter is None else f"{letter.position.partition}:{letter.position.offset}"


def _source(letter: Letter | None) -> str | None:
    return None if letter is None else f"{letter.record.topic}:{letter.record.partition}:{letter.record.offset}"


def outcome_rows(direction: str, outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """What became of letters, counted by result and reason."""
    counted: dict[tuple[str, str | None], list[int]] = {}
    for outcome in outcomes:
        entry = counted.setdefault((outcome.result, _why(outcome)), [0, 0])
        entry[0] += 1
        entry[1] += outcome.outputs
    return [
        {"direction": direction, "result": result, "letters": letters, "outputs": outputs, "why": why}
        for (result, why), (letters, outputs) in counted.items()
    ]


def _why(outcome: Outcome) -> str | None:
    match outcome.result:
        case "rejected" if outcome.rejected is not None:
            rejected = outcome.rejected
            hop = f" in {rejected.hop}" if rejected.hop else ""
            at = f" at {rejected.path}" if rejected.path else ""
            return f"{rejected.code}{hop}{at}"
        case "newer-value":
            return "the target has a newer value of the key"
        case "other-topic":
            return "its source topic was deleted and created again"
        case "dropped":
            return "the chain ends the event"
    return None


def settled_text(settled: Settled | None) -> str:
    if settled is None:
        return "outstanding"
    when = f"{datetime.fromtimestamp(settled.at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    what = f", {settled.outputs} records" if settled.deed == "redriven" else f": {settled.reason}"
    return f"{settled.deed} {when} by {settled.by}{what}"


def letter_rows(letter: Letter) -> list[tuple[str, str]]:
    """What is known of a letter beside its record."""
    rejected, record = letter.verdict.rejected, letter.record
    rows = [
        ("from", f"{record.topic} partition {record.partition} offset {record.offset}"),
        ("bridge", f"{letter.verdict.migration} ({letter.verdict.direction})"),
        ("standing", settled_text(letter.settled)),
        ("code", rejected.code),
        ("hop", rejected.hop or ""),
        ("field", field_of(letter) or "" if rejected.path is None else rejected.path),
        ("error", rejected.message),
    ]
    return [(name, text) for name, text in rows if text]
