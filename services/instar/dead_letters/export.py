"""Dead letters as lines of JSON: bytes in base64, and what is known of each."""

from base64 import b64encode
from typing import Any

from instar.kafka.letters import Letter

FORMAT = 1


def exported(letter: Letter) -> dict[str, Any]:
    """One letter. ``key`` and ``value`` are base64, null where they are null; ``headers`` are the original ones."""
    record, verdict, settled = letter.record, letter.verdict, letter.settled
    rejected = verdict.rejected
    return {
        "format": FORMAT,
        "letter": {
            "topic_id": letter.position.topic_id.hex(),
            "partition": letter.position.partition,
            "offset": letter.position.offset,
            "written_ms": letter.written_ms,
        },
        "migration": verdict.migration,
        "direction": verdict.direction,
        "source": {
            "topic": verdict.source.topic,
            "topic_id": verdict.source.topic_id,
            "partition": verdict.source.partition,
            "offset": verdict.source.offset,
            "timestamp_ms": verdict.source.timestamp_ms,
        },
        "rejected": {
            "code": rejected.code,
            "message": rejected.message,
            "subject": rejected.subject,
            "hop": rejected.hop,
            "path": rejected.path,
            "from_version": rejected.from_version,
            "to_version": rejected.to_version,
        },
        "settled": None
        if settled is None
        else {
            "deed": settled.deed,
            "at_ms": settled.at_ms,
            "by": settled.by,
            "reason": settled.reason,
            "outputs": settled.outputs,
        },
        "key": _text(record.key),
        "value": _text(record.value),
        "headers": [[name, _text(content)] for name, content in record.headers],
    }


def _text(content: bytes | None) -> str | None:
    return None if content is None else b64encode(content).decode()
