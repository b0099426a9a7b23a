"""A diff of two versions as one HTML file: no script, no font, no picture from elsewhere."""

from html import escape

from instar.core.compat.schema_diff import FieldChange, SchemaDiff

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8882; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin-bottom: .25rem; }
table { border-collapse: collapse; width: 100%; margin-top: 1.5rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem .6rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; background: var(--soft); }
code { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.risk { border-radius: .6rem; padding: .05rem .5rem; color: #fff; white-space: nowrap; font-size: 13px; }
.additive { background: #2e7d32; } .transforming { background: #9a5b00; } .destructive { background: #b3261e; }
.guess { font-style: italic; }
"""
_HEADS = "".join(f"<th>{each}</th>" for each in ("field", "change", "risk", "an old reader", "an old writer", "hop"))


def page(subject: str, old: str, new: str, made: SchemaDiff, hops: list[str]) -> str:
    """The whole page. ``hops`` are their summaries, a line each."""
    title = f"{subject}: {old} to {new}"
    rows = (
        "\n".join(map(_row, made.changes)) or '<tr><td colspan="6">Nothing changed that a record could show.</td></tr>'
    )
    known = "" if made.is_known else '<p class="guess">No hop says what became of each field: renames are guesses.</p>'
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
<h1>{escape(title)} <span class="risk {made.risk}">{made.risk}</span></h1>
{"".join(f"<p>{escape(line)}</p>" for line in hops)}{known}
<table>
<thead><tr>{_HEADS}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</html>
"""


def _row(change: FieldChange) -> str:
    was = ", ".join(change.was)
    place = f"<code>{escape(change.path)}</code>"
    if was and was != change.path:
        place = f"<code>{escape(was)}</code> → {place}"
    types = [each for each in dict.fromkeys((change.before, change.after)) if each]
    what = escape(change.kind) + (f"<br><code>{escape(' → '.join(types))}</code>" if types else "")
    guess = f'<br><span class="guess">guess: {escape(change.guess)}</span>' if change.guess else ""
    cells = (
        place + guess,
        what,
        f'<span class="risk {change.risk}">{change.risk}</span>',
        escape(change.old_reader),
        escape(change.old_writer),
        escape(change.hop),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
