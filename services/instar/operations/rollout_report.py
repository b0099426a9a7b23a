"""The report of a rollout: where it stands or how it ended, how long each part took, records, verification, approvals,
what went wrong. JSON, words, and one self-contained HTML page."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from instar.clock import now_ms
from instar.core.rollout.effect import words
from instar.core.rollout.phase import FINAL
from instar.core.rollout.story import seconds_in, tell
from instar.kafka.errors import KafkaTrouble
from instar.operations.rolling import Rolling
from instar.rollout.look import look

FORMAT = 1

_STYLE = """
:root{color-scheme:light dark;--page:#fbfaf6;--ink:#1f231e;--soft:#666b62;--rule:#dcd9cd;--good:#1c7750;--bad:#b93a20}
@media (prefers-color-scheme:dark){:root{--page:#15171a;--ink:#e8e6de;--soft:#9b9e95;--rule:#2e3135;--good:#62c99c;
--bad:#f2876e}}
*{box-sizing:border-box}body{margin:0 auto;max-width:62rem;padding:2rem;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.2rem 0 .5rem}
.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}code{font:13px/1.5 ui-monospace,monospace;
overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;
padding:.3rem .9rem .3rem 0;border-bottom:1px solid var(--rule)}th{font-weight:500;color:var(--soft)}
ol{margin:.2rem 0 1rem;padding-left:1.4rem}.wide{overflow-x:auto}
@media (max-width:40rem){body{padding:1rem}}
""".strip()


def report(at: Rolling) -> dict[str, Any]:
    """Everything of one migration as plain JSON. A cluster that is away costs the counts, and they say so."""
    rollout = at.coordinator.state(at.name)
    entries = at.state.ledger.entries(at.name)
    story = tell(entries)
    newest = at.state.verifications.newest(at.name, rollout.fingerprint) if rollout.fingerprint else None
    began_ms = entries[0].at_ms if entries else 0
    last_ms = entries[-1].at_ms if entries and rollout.phase in FINAL else now_ms()
    return {
        "format": FORMAT,
        "migration": at.name,
        "environment": at.project.environment_name,
        "phase": rollout.phase.value,
        "epoch": rollout.epoch,
        "authority": rollout.authority,
        "record": None
        if rollout.record is None
        else {"at_ms": rollout.record.at_ms, "B": _texts(rollout.record.left), "T": _texts(rollout.record.begun)},
        "complete": rollout.phase in FINAL,
        "paused": rollout.paused,
        "lesson_due": rollout.lesson_due,
        "fingerprint": rollout.fingerprint,
        "underway": None if rollout.underway is None else rollout.underway.transition,
        "left": [words(effect) for effect in rollout.effects],
        "began_ms": began_ms or None,
        "seconds": (last_ms - began_ms) / 1000 if began_ms else 0.0,
        "seconds_in": seconds_in(story.phases, last_ms),
        "records": {direction: _counts(at, direction) for direction in ("up", "down")},
        "verification": None
        if newest is None
        else {"right": newest.is_right, "at_ms": newest.at_ms, "until_ms": newest.until_ms},
        "approvals": [
            {
                "action": each.action,
                "asked_by": each.requested_by,
                "why": each.request_reason,
                "answered_by": each.answered_by,
                "answer": each.answer_reason,
                "standing": each.standing,
            }
            for each in at.state.approvals.list(at.name)
        ],
        **story.as_dict(),
    }


def _texts(ends: Mapping[int, int]) -> dict[str, int]:
    return {str(partition): offset for partition, offset in sorted(ends.items())}


def _counts(at: Rolling, direction: Any) -> dict[str, Any]:
    source = at.migration.source.topic if direction == "up" else at.migration.target.topic
    try:
        seen = look(at.cluster, at.name, direction, source)
    except KafkaTrouble as trouble:
        return {"unknown": str(trouble)}
    return {**seen.counts.as_dict(), "lag_records": seen.largest_lag, "workers": seen.members}


def as_text(said: dict[str, Any]) -> Iterator[str]:
    """The lines of a report for a terminal: how it stands first, then only what there is something of."""
    yield f"{said['migration']} is {said['phase']}, epoch {said['epoch']}: the {said['authority']} topic has authority"
    begun = f"{_duration(said['seconds'])} since it began" if said["began_ms"] else "nothing was done yet"
    yield f"  {said['environment']}, {begun}{', paused' if said['paused'] else ''}"
    for phase, seconds in said["seconds_in"].items():
        yield f"  {phase}: {_duration(seconds)}"
    for direction, counts in said["records"].items():
        told = ", ".join(
            f"{value:,} {key.replace('_', ' ')}" for key, value in counts.items() if isinstance(value, int) and value
        )
        yield f"  {direction}: {counts.get('unknown') or told or 'nothing yet'}"
    verified = said["verification"]
    if verified is not None:
        right = "right" if verified["right"] else "not right"
        yield f"  verified: {right} at {_time(verified['at_ms'])}, counts until {_time(verified['until_ms'])}"
    record = said["record"]
    if record is not None:
        yield from (f"  {name} of epoch {said['epoch']}: {_offsets(record[name])}" for name in ("B", "T"))
    for each in said["transitions"]:
        when, why = _time(each["began_ms"]), f": {each['reason']}" if each["reason"] else ""
        yield f"{each['transition']}: {each['outcome']}, {when}, {_duration(each['seconds'])}, by {each['by']}{why}"
        yield from (f"  waived {waiver}" for waiver in each["waivers"])
    yield from (f"left to do: {step}" for step in said["left"])
    yield from (f"went wrong, {_time(each['at_ms'])}: {each['problem']}" for each in said["problems"])
    yield from (f"lesson of {each['by']}, {_time(each['at_ms'])}: {each['lesson']}" for each in said["lessons"])
    yield from (f"approval of {x['action']}, asked by {x['asked_by']}: {x['standing']}" for x in said["approvals"])
    if said["lesson_due"]:
        yield f"→ What the rollback taught is not recorded yet: `instar lesson {said['migration']}`."


def _offsets(ends: Mapping[str, int]) -> str:
    return ", ".join(f"{partition}:{offset:,}" for partition, offset in ends.items())


def as_html(said: dict[str, Any]) -> str:
    """The page of a report."""
    name = escape(said["migration"])
    title = f"{name} is {escape(said['phase'])}, the {escape(said['authority'])} topic has authority"
    where = escape(said["environment"])
    began, plan = f"{_duration(said['seconds'])} since it began", escape(said["fingerprint"][:16])
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{title} · instar</title><style>{_STYLE}</style></head><body>",
        f'<h1 class="{"bad" if said["lesson_due"] or said["paused"] else "good"}">{title}</h1>',
        f'<p class="soft">{where} · epoch {said["epoch"]} · {began} · plan <code>{plan}</code></p>',
    ]
    if said["underway"]:
        left = "".join(f"<li>{escape(step)}</li>" for step in said["left"])
        parts.append(f"<h2>In progress: {escape(said['underway'])}</h2><ol>{left}</ol>")
    parts.append(
        _table("Time in each phase", ("phase", "time"), [(k, _duration(v)) for k, v in said["seconds_in"].items()])
    )
    rows = [
        (
            direction,
            *(f"{counts.get(key, '?')}" for key in ("read", "published", "dead_lettered", "dropped", "lag_records")),
        )
        for direction, counts in said["records"].items()
        if "unknown" not in counts
    ]
    heads = ("direction", "read", "published", "dead letters", "ended by a hop", "largest lag")
    parts.append(_table("Records", heads, rows))
    verified = said["verification"]
    if verified is not None:
        word = "right" if verified["right"] else "not right"
        until = _time(verified["until_ms"])
        parts.append(f"<h2>Verification</h2><p>{word} at {_time(verified['at_ms'])}, counts until {until}</p>")
    for each in said["transitions"]:
        parts += _transition(each)
    parts.append(
        _table("What went wrong", ("when", "what"), [(_time(p["at_ms"]), p["problem"]) for p in said["problems"]])
    )
    parts.append(
        _table(
            "Lessons", ("when", "by", "lesson"), [(_time(x["at_ms"]), x["by"], x["lesson"]) for x in said["lessons"]]
        )
    )
    keys = ("action", "asked_by", "why", "standing", "answered_by", "answer")
    heads = ("action", "asked by", "why", "standing", "answered by", "answer")
    parts.append(_table("Approvals", heads, [tuple(str(each[key]) for key in keys) for each in said["approvals"]]))
    parts.append("</body></html>\n")
    return "\n".join(part for part in parts if part)


def _transition(said: dict[str, Any]) -> list[str]:
    word = "good" if said["outcome"] == "done" else "bad"
    steps = "".join(f"<li>{escape(step)}</li>" for step in said["steps"])
    found = [
        f'<h2>{escape(said["transition"])}: <span class="{word}">{escape(said["outcome"])}</span></h2>',
        (
            f'<p class="soft">{_time(said["began_ms"])}, by {escape(said["by"])}, {_duration(said["seconds"])}'
            f"{' · ' + escape(said['reason']) if said['reason'] else ''}"
            f"{' · approval ' + escape(said['approval']) if said['approval'] else ''}</p>"
        ),
        f"<ol>{steps}</ol>",
    ]
    found += [f'<p class="bad">{escape(each)}</p>' for each in said["failures"]]
    found += [f"<p>waived: {escape(each)}</p>" for each in said["waivers"]]
    return found


def _table(title: str, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f'<h2>{title}</h2><div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
