"""Writes the generated parts of docs/rollout.md from the rollout's table. A test fails when the page is stale.

.venv/bin/python docs/make_rollout.py
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from instar.core.rollout.effect import EFFECTS
from instar.core.rollout.event import COMMANDS, Kind
from instar.core.rollout.phase import FINAL, PLACES, Phase, Place, Stage
from instar.core.rollout.refusals import REFUSALS, refuse
from instar.core.rollout.table import TABLE, TRANSITIONS, ByLimits, Cell, Do, Go, Move, No, Resume, Stay, TakeOver

PAGE = Path(__file__).parent / "rollout.md"


def arrows() -> Iterator[tuple[Phase, Phase, str]]:
    """Every way from one phase to another that the table has, with what leads there."""
    for kind, row in TABLE.items():
        for place, cell in row.items():
            match cell:
                case Go(transition) if isinstance(place, Phase):
                    to = TRANSITIONS[transition].to
                    if to is not None and to is not place:
                        yield place, to, transition
                case Move(to, when) if isinstance(place, Phase):
                    yield place, to, when
                case ByLimits(rollback="rollback") if isinstance(place, Phase) and kind is Kind.LIMITS_SEEN:
                    yield place, Phase.VERIFIED, "rollback by a limit"
                case _:
                    pass


def diagram() -> str:
    """Mermaid. Arrows between the same two phases are one, with all that leads along it."""
    together: dict[tuple[Phase, Phase], list[str]] = {}
    for start, end, label in arrows():
        labels = together.setdefault((start, end), [])
        if label not in labels:
            labels.append(label)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {_id(Phase.DRAFT)}"]
    lines += [f'    state "{phase}" as {_id(phase)}' for phase in Phase if _id(phase) != phase]
    lines += [f"    {_id(start)} --> {_id(end)}: {', '.join(labels)}" for (start, end), labels in together.items()]
    lines += [f"    {_id(phase)} --> [*]" for phase in Phase if phase in FINAL]
    return "\n".join([*lines, "```"])


def table() -> str:
    """The whole table: a row for each event, a column for each place."""
    head = "| event | " + " | ".join(places(PLACES)) + " |"
    rows = [
        f"| **{kind}** | " + " | ".join(_cell(row[place]) for place in PLACES) + " |" for kind, row in TABLE.items()
    ]
    return "\n".join([head, "|" + "---|" * (len(PLACES) + 1), *rows])


def places(found: tuple[Place, ...]) -> list[str]:
    return [f"*{place}*" if isinstance(place, Stage) else str(place) for place in found]


def questions() -> str:
    """What is asked before each transition."""
    rows = []
    for name, each in TRANSITIONS.items():
        shown = f"`{name}`" if name in COMMANDS else name
        rows.append(f"| {shown} | {each.to or 'where it began'} | {', '.join(each.guards) or 'nothing'} |")
    return "\n".join(["| transition | leads to | asked first |", "|---|---|---|", *rows])


def effects() -> str:
    """Every effect with its reverse."""
    rows = [
        f"| {effect.__name__} | {(effect.__doc__ or '').strip().splitlines()[0]} | {effect.REVERSE} |"
        for effect in EFFECTS
    ]
    return "\n".join(["| effect | what it is | undone by |", "|---|---|---|", *rows])


def refusals() -> str:
    """Every refusal with what to do."""
    rows = [f"| `{code}` | {(said := refuse(code, 'M', 'T', 'A')).message} | {said.remedy} |" for code in REFUSALS]
    return "\n".join(["| code | what it says | what to do |", "|---|---|---|", *rows])


def page(text: str) -> str:
    """The page with its generated parts renewed. ValueError where a part's marks are missing."""
    parts = {
        "diagram": diagram(),
        "table": table(),
        "questions": questions(),
        "effects": effects(),
        "refusals": refusals(),
    }
    for name, made in parts.items():
        marks = f"<!-- {name}: made by docs/make_rollout.py -->", f"<!-- end of {name} -->"
        pattern = re.compile(re.escape(marks[0]) + ".*?" + re.escape(marks[1]), re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"{PAGE.name} has no part {name}")
        text = pattern.sub(lambda _, made=made, marks=marks: f"{marks[0]}\n{made}\n{marks[1]}", text)  # type: ignore[misc]
    return text


def _id(phase: Phase) -> str:
    return phase.value.replace("-", "_")


def _cell(cell: Cell) -> str:
    match cell:
        case Go(transition, unless):
            return f"**{transition}**" + (f", unless {unless}" if unless else "")
        case Move(to, when):
            return f"→ {to} if {when}"
        case Resume():
            return "go on, if it is this one"
        case TakeOver():
            return "**rollback**, if it is a switch"
        case ByLimits(pause, rollback):
            return f"by limits: {pause} / {rollback}"
        case Do(what):
            return what
        case Stay(why):
            return f"· {why}"
        case No(code, unless):
            return f"no: `{code}`" + (f", unless {unless}" if unless else "")


def main() -> None:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
