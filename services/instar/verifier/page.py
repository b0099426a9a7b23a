"""The report as one HTML page that needs nothing else: light and dark by the system's setting, and printable.

It is written from the report's document, so that a report that was kept reads like one that was just made.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from instar.core.comparison import FAULTS
from instar.verifier.report import Report, not_carried_back

Said = Mapping[str, Any]

_STYLE = """
:root{color-scheme:light dark;--page:#fbfaf6;--ink:#1f231e;--soft:#666b62;--rule:#dcd9cd;--good:#1c7750;--bad:#b93a20}
@media (prefers-color-scheme:dark){:root{--page:#15171a;--ink:#e8e6de;--soft:#9b9e95;--rule:#2e3135;--good:#62c99c;
--bad:#f2876e}}
*{box-sizing:border-box}body{margin:0 auto;max-width:70rem;padding:2rem;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.4rem 0 .5rem}
h3,h4{font-size:1rem;margin:1.6rem 0 .3rem}p{margin:.3rem 0}.soft{color:var(--soft)}.good{color:var(--good)}
.bad{color:var(--bad)}code,pre{font:13px/1.5 ui-monospace,Menlo,monospace;overflow-wrap:anywhere}
pre{white-space:pre-wrap;margin:.3rem 0;padding:.6rem 0;border-top:2px solid var(--rule)}
table{border-collapse:collapse;width:100%;margin:.3rem 0}caption{text-align:left;color:var(--soft);padding:.2rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .9rem .3rem 0;border-bottom:1px solid var(--rule)}
th{font-weight:500;color:var(--soft)}.n{text-align:right}.wide{overflow-x:auto}
.side{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:1.2rem}
section.way{border-top:1px solid var(--rule);margin-top:2.5rem;padding-top:1.5rem}
@media (max-width:40rem){body{padding:1rem}}
@media print{:root{--page:#fff;--ink:#000;--soft:#444;--rule:#bbb;--good:#000;--bad:#000}body{max-width:none;padding:0}
h2,h3,h4{break-after:avoid}tr,pre{break-inside:avoid}}
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
    documents = [report.document() for report in reports]
    word = verdict(documents)
    first = documents[0]
    ended, expires = max(one["ended"] for one in documents), min(one["expires"] for one in documents)
    holds = f"{ended} · holds until {expires}"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(first['migration'])}: {word} · instar verify</title><style>{_STYLE}</style></head><body>",
        f'<h1 class="{"good" if is_right(documents) else "bad"}">{escape(first["migration"])}: {word}</h1>',
        f'<p class="soft">mode {first["mode"]} · {holds} for plan <code>{first["fingerprint"][:16]}</code></p>',
    ]
    return "\n".join([*parts, body(documents, not_carried_back(reports)), "</body></html>\n"])


def is_right(documents: Sequence[Said]) -> bool:
    return all(one["right"] for one in documents)


def verdict(documents: Sequence[Said]) -> str:
    """In a word what all directions of a run say."""
    if not is_right(documents):
        return "not right"
    return "right" if all(one["complete"] for one in documents) else "right as far as it was compared"


def body(documents: Sequence[Said], waiting: int | None = None) -> str:
    """What a page shows below its verdict, as HTML: each direction, and what the mode cannot catch.

    ``documents`` are reports as ``Report.document`` tells them, ``waiting`` what ``not_carried_back`` does.
    """
    parts: list[str] = []
    if waiting is not None:
        parts.append(f"<p>{waiting:,} native records of the new topic are yet to be carried back to the old one.</p>")
    for said in documents:
        parts += _direction(said)
    parts += ["<h2>What this mode cannot catch</h2><ul>"]
    parts += [f"<li>{_ticked(one)}</li>" for one in documents[0]["cannot_catch"]]
    return "\n".join([*parts, "</ul>"])


def _topic_ids(topics: Said) -> str:
    """A broker that gives topics no ids (the one that is built in) has nothing to tell."""
    names = {"source": "Source topic id", "target": "target", "dead_letters": "dead letters"}
    told = [(name, topics[key]["topic_id"]) for key, name in names.items()]
    return (
        ", ".join(f"{name} {topic_id}" for name, topic_id in told) if any(each.strip("0") for _, each in told) else ""
    )


def _direction(said: Said) -> Iterable[str]:
    topics, totals = said["topics"], said["totals"]
    name = f"{escape(topics['source']['name'])} → {escape(topics['target']['name'])}"
    yield f'<section class="way"><h2>{name} <span class="soft">({said["direction"]})</span></h2>'
    yield _table(
        ("question", "records"),
        [(text, _figure(totals[key], bad=True)) for key, text in _QUESTIONS],
        "What must be zero",
    )
    yield _table(("figure", "records"), [(text, f"{totals[key]:,}") for key, text in _FIGURES if totals[key]], "Totals")
    yield from _notes(said)
    yield f"<h3>Coverage</h3><p>{coverage(said)}.</p>"
    yield _table(
        ("partition", "compared from", "up to", "source from", "source end", "read", "faults"),
        [_partition(one) for one in said["partitions"]],
        _topic_ids(topics),
    )
    if said["differences"]:
        more = faults(totals) - len(said["differences"])
        yield "<h3>What differs" + (f" (the first {len(said['differences'])})" if more > 0 else "") + "</h3>"
        for difference in said["differences"]:
            yield from _difference(difference)
    if said["redriven"]:
        rows = [
            (str(one["partition"]), f"{one['source_offset']:,}", f"{one['target_offset']:,}")
            for one in said["redriven"]
        ]
        yield "<h3>Redriven dead letters</h3>" + _table(("partition", "source offset", "target offset"), rows, "")
    if said["samples"]:
        yield from _samples(said)
    yield "</section>"


def faults(totals: Mapping[str, int]) -> int:
    """How much is not as it must be."""
    return sum(totals[name] for name in FAULTS)


def _notes(said: Said) -> Iterable[str]:
    if not said["complete"]:
        yield '<p class="bad">Stopped before its end: this speaks of the offsets below only.</p>'
    if said["unconfirmed"]:
        yield f"<p>{said['unconfirmed']:,} differences of a first reading did not show again and do not count.</p>"
    if said["aside_exceeded"]:
        yield '<p class="bad">So many records were out of place that the comparison stopped looking for them.</p>'
    if said["digests"]:
        kept, made, compared = (said["digests"][name] for name in ("kept", "made", "compared"))
        yield f"<p>{kept:,} ranges by kept digests, {made:,} computed, {compared:,} compared record by record.</p>"


def coverage(said: Said) -> str:
    """How much of the source was compared, in words."""
    found = said["coverage"]
    return (
        f"{found['offsets_compared']:,} of {found['offsets_in_source']:,} source offsets in "
        f"{found['partitions_compared']} of {found['partitions_in_source']} partitions"
    )


def _partition(one: Said) -> tuple[str, ...]:
    note = "" if one["settled_below"] is None else f" (below {one['settled_below']:,} by an earlier run)"
    return (
        f"{one['partition']}",
        f"{one['first']:,}",
        f"{one['bound']:,}{note}",
        f"{one['source_start']:,}",
        f"{one['source_end']:,}",
        f"{one['totals']['read']:,}",
        _figure(faults(one["totals"]), bad=True),
    )


def _difference(one: Said) -> Iterable[str]:
    source = "" if one["source_offset"] is None else f" · source offset {one['source_offset']:,}"
    target = "" if one["target_offset"] is None else f" · target offset {one['target_offset']:,}"
    place = f"partition {one['partition']}{source}{target}"
    yield f'<h4>{escape(one["kind"])} <span class="soft">{place}</span></h4>'
    yield f"<p>{escape(one['message'])}</p>"
    if one["fields"]:
        rows = [
            (f"<code>{escape(each['path'])}</code>", _code(each["expected"]), _code(each["found"]))
            for each in one["fields"]
        ]
        yield _table(("field", "must be", "is"), rows, "")


def _samples(said: Said) -> Iterable[str]:
    signature = said["signature"]
    count = len(said["samples"])
    yield f'<h3>{count} records drawn at random <span class="soft">seed {said["seed"]}</span></h3>'
    if signature is not None:
        word = "confirmed" if signature["confirmed"] else "did not confirm"
        yield f"<p><b>{escape(signature['name'])}</b> {word} them, {signature['at']}.</p>"
    for one in said["samples"]:
        yield from _sample(one)


def _sample(one: Said) -> Iterable[str]:
    colour = "good" if one["right"] else "bad"
    where = f"partition {one['partition']}, source offset {one['source_offset']:,}"
    yield f'<h4>{where} <span class="soft">{escape(one["key"])}</span></h4>'
    yield f'<p class="{colour}">{escape(one["told"])}</p><div class="side">'
    for view in one["views"]:
        yield _view(view, f"after {view['hop']}" if view["hop"] else "as it is")
    for view in one["found"]:
        yield _view(view, "in the target")
    yield "</div>"


def _view(view: Said, caption: str) -> str:
    values = "".join(
        f'<pre tabindex="0">{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>' for value in view["values"]
    )
    return f'<div><span class="soft">{escape(caption)}</span><br><b>{escape(view["title"])}</b>{values}</div>'


def _ticked(text: str) -> str:
    """What stands in backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _table(heads: tuple[str, ...], rows: Sequence[tuple[Any, ...]], caption: str) -> str:
    """Cells are HTML already."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    name = escape(caption or ", ".join(heads))
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{name}"><table>{said}<thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _figure(number: int, *, bad: bool) -> str:
    colour = ("bad" if number else "good") if bad else ""
    return f'<b class="{colour}">{number:,}</b>'


def _code(text: str | None) -> str:
    return '<span class="soft">nothing</span>' if text is None else f"<code>{escape(text)}</code>"
