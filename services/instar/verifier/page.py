"""The report as one HTML page that needs nothing else: light and dark by the system's setting, and printable."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from instar.core.comparison import Difference
from instar.verifier.explain import plain
from instar.verifier.modes import CANNOT_CATCH
from instar.verifier.report import PartitionScope, Report, not_carried_back, time_text
from instar.verifier.samples import Sample, View

_STYLE = """
:root{color-scheme:light dark;--page:#fbfaf6;--ink:#1f231e;--soft:#666b62;--rule:#dcd9cd;--good:#1c7750;--bad:#b93a20}
@media (prefers-color-scheme:dark){:root{--page:#15171a;--ink:#e8e6de;--soft:#9b9e95;--rule:#2e3135;--good:#62c99c;
--bad:#f2876e}}
*{box-sizing:border-box}body{margin:0 auto;max-width:70rem;padding:2rem;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.4rem 0 .5rem}
h3{font-size:1rem;margin:1.6rem 0 .3rem}p{margin:.3rem 0}.soft{color:var(--soft)}.good{color:var(--good)}
.bad{color:var(--bad)}code,pre{font:13px/1.5 ui-monospace,Menlo,monospace;overflow-wrap:anywhere}
pre{white-space:pre-wrap;margin:.3rem 0;padding:.6rem 0;border-top:2px solid var(--rule)}
table{border-collapse:collapse;width:100%;margin:.3rem 0}caption{text-align:left;color:var(--soft);padding:.2rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .9rem .3rem 0;border-bottom:1px solid var(--rule)}
th{font-weight:500;color:var(--soft)}.n{text-align:right}.wide{overflow-x:auto}
.side{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:1.2rem}
section.way{border-top:1px solid var(--rule);margin-top:2.5rem;padding-top:1.5rem}
@media (max-width:40rem){body{padding:1rem}}
@media print{:root{--page:#fff;--ink:#000;--soft:#444;--rule:#bbb;--good:#000;--bad:#000}body{max-width:none;padding:0}
h2,h3{break-after:avoid}tr,pre{break-inside:avoid}}
""".strip()

_QUESTIONS = (
    ("lost", "lost"),
    ("duplicated", "there twice"),
    ("out_of_order", "out of order"),
    ("mismatched", "different"),
    ("rogue", "written by nobody's bridge"),
)
_FIGURES = (
    ("read", "source records read"),
    ("published", "published"),
    ("outputs", "outputs in order"),
    ("dead_lettered", "dead letters"),
    ("outstanding", "of these outstanding"),
    ("redriven", "of these redriven"),
    ("discarded", "of these discarded"),
    ("dropped", "ended by a hop"),
    ("echoed", "echoes of the other direction"),
    ("native", "native records in the target"),
    ("ahead", "outputs past the checkpoint, not compared"),
    ("superseded", "removed by compaction"),
    ("unjudged", "outputs whose source record is gone"),
)


def as_html(reports: Sequence[Report]) -> str:
    """The page of all directions of a run."""
    right = all(report.right for report in reports)
    complete = all(report.complete for report in reports)
    verdict = _verdict(right, complete)
    first = reports[0]
    ended, expires = max(one.ended_ms for one in reports), min(one.expires_ms for one in reports)
    holds = f"{time_text(ended)} · holds until {time_text(expires)}"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(first.migration)}: {verdict} · instar verify</title><style>{_STYLE}</style></head><body>",
        f'<h1 class="{"good" if right else "bad"}">{escape(first.migration)}: {verdict}</h1>',
        f'<p class="soft">mode {first.mode.value} · {holds} for plan <code>{first.fingerprint[:16]}</code></p>',
    ]
    waiting = not_carried_back(reports)
    if waiting is not None:
        parts.append(f"<p>{waiting:,} native records of the new topic are yet to be carried back to the old one.</p>")
    for report in reports:
        parts += _direction(report)
    parts += ["<h2>What this mode cannot catch</h2><ul>"]
    parts += [f"<li>{escape(one)}</li>" for one in CANNOT_CATCH[first.mode]]
    parts.append("</ul></body></html>\n")
    return "\n".join(parts)


def _verdict(right: bool, complete: bool) -> str:
    if not right:
        return "not right"
    return "right" if complete else "right as far as it was compared"


def _direction(report: Report) -> Iterable[str]:
    result = report.result
    name = f"{escape(report.source.name)} → {escape(report.target.name)}"
    yield f'<section class="way"><h2>{name} <span class="soft">({report.direction})</span></h2>'
    totals: dict[str, int] = {**result.as_dict(), "outstanding": result.outstanding}
    yield _table(
        ("", "records"),
        [(text, _figure(totals[key], bad=True)) for key, text in _QUESTIONS],
        "What must be zero",
    )
    yield _table(("", "records"), [(text, f"{totals[key]:,}") for key, text in _FIGURES if totals[key]], "Totals")
    yield from _notes(report)
    yield f"<h3>Coverage</h3><p>{_coverage(report)}</p>"
    yield _table(
        ("partition", "compared from", "up to", "source from", "source end", "read", "faults"),
        [_partition(one) for one in report.partitions],
        f"Source topic id {report.source.topic_id}, target {report.target.topic_id}, dead letters "
        f"{report.letters.topic_id}",
    )
    if result.differences:
        more = result.faults - len(result.differences)
        yield "<h3>What differs" + (f" (the first {len(result.differences)})" if more > 0 else "") + "</h3>"
        for difference in result.differences:
            yield from _difference(difference)
    if result.redriven_records:
        rows = [
            (str(one.partition), f"{one.source_offset:,}", f"{one.target_offset:,}") for one in result.redriven_records
        ]
        yield "<h3>Redriven dead letters</h3>" + _table(("partition", "source offset", "target offset"), rows, "")
    if report.samples:
        yield from _samples(report)
    yield "</section>"


def _notes(report: Report) -> Iterable[str]:
    if not report.complete:
        yield '<p class="bad">Stopped before its end: this speaks of the offsets below only.</p>'
    if report.unconfirmed:
        yield f"<p>{report.unconfirmed:,} differences of a first reading did not show again and do not count.</p>"
    if report.result.aside_exceeded:
        yield '<p class="bad">So many records were out of place that the comparison stopped looking for them.</p>'
    if report.digests:
        kept, made, compared = (report.digests[name] for name in ("kept", "made", "compared"))
        yield f"<p>{kept:,} ranges by kept digests, {made:,} computed, {compared:,} compared record by record.</p>"


def _coverage(report: Report) -> str:
    found = report.coverage
    return (
        f"{found['offsets_compared']:,} of {found['offsets_in_source']:,} source offsets in "
        f"{found['partitions_compared']} of {found['partitions_in_source']} partitions."
    )


def _partition(one: PartitionScope) -> tuple[str, ...]:
    note = "" if one.settled_below is None else f" (below {one.settled_below:,} by an earlier run)"
    return (
        f"{one.partition}",
        f"{one.first:,}",
        f"{one.bound:,}{note}",
        f"{one.start:,}",
        f"{one.end:,}",
        f"{one.result.read:,}",
        _figure(one.result.faults, bad=True),
    )


def _difference(one: Difference) -> Iterable[str]:
    source = "" if one.source_offset is None else f" · source offset {one.source_offset:,}"
    target = "" if one.target_offset is None else f" · target offset {one.target_offset:,}"
    yield f"<h3>{escape(one.kind)} <span class=soft>partition {one.partition}{source}{target}</span></h3>"
    yield f"<p>{escape(one.message)}</p>"
    if one.fields:
        rows = [(f"<code>{escape(each.path)}</code>", _code(each.expected), _code(each.found)) for each in one.fields]
        yield _table(("field", "must be", "is"), rows, "")


def _samples(report: Report) -> Iterable[str]:
    signature = report.signature
    yield f"<h3>{len(report.samples)} records drawn at random <span class=soft>seed {report.seed}</span></h3>"
    if signature is not None:
        said = "confirmed" if signature.confirmed else "did not confirm"
        yield f"<p><b>{escape(signature.name)}</b> {said} them, {time_text(signature.at_ms)}.</p>"
    for one in report.samples:
        yield from _sample(one)


def _sample(one: Sample) -> Iterable[str]:
    colour = "good" if one.right else "bad"
    where = f"partition {one.partition}, source offset {one.source_offset:,}"
    yield f"<h3>{where} <span class=soft>{escape(one.key)}</span></h3>"
    yield f'<p class="{colour}">{escape(one.told)}</p><div class="side">'
    for view in one.views:
        yield _view(view, f"after {view.hop}" if view.hop else "as it is")
    for view in one.found:
        yield _view(view, "in the target")
    yield "</div>"


def _view(view: View, caption: str) -> str:
    bodies = "".join(
        f"<pre>{escape(json.dumps(plain(value), indent=2, ensure_ascii=False))}</pre>" for value in view.values
    )
    return f"<div><span class=soft>{escape(caption)}</span><br><b>{escape(view.title)}</b>{bodies}</div>"


def _table(heads: tuple[str, ...], rows: Sequence[tuple[Any, ...]], caption: str) -> str:
    """Cells are HTML already."""
    if not rows:
        return ""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{said}<tr>{head}</tr>{body}</table></div>'


def _figure(number: int, *, bad: bool) -> str:
    colour = ("bad" if number else "good") if bad else ""
    return f'<b class="{colour}">{number:,}</b>'


def _code(text: str | None) -> str:
    return '<span class="soft">nothing</span>' if text is None else f"<code>{escape(text)}</code>"
