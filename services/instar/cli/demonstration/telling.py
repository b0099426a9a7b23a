"""Telling a person what the demonstration did: the figures, one record hop by hop, one dead letter, what next."""

from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from instar.cli.demonstration.orders import orders
from instar.cli.demonstration.run import Outcome, Stage
from instar.cli.demonstration.showcase import SUBJECT
from instar.core.formats.framing.registry_prefix import PREFIX
from instar.core.formats.shape import MISSING
from instar.core.formats.values_json import to_readable
from instar.core.record import Context
from instar.core.rejected import Rejected
from instar.core.upcasting.chain import Stage as ChainStage
from instar.core.upcasting.difference import Difference
from instar.core.version import label

# What a person wants to know of the figures, and what each must be.
_QUESTIONS = (
    ("lost", "Was a record lost?"),
    ("duplicated", "Is one there twice?"),
    ("out_of_order", "Did one overtake another?"),
    ("mismatched", "Is one different from what the chain makes of it?"),
)


def tell(outcome: Outcome, stage: Stage, console: Console) -> None:
    _figures(outcome, stage, console)
    _one_record(stage, console)
    _one_letter(outcome, console)
    _answers(outcome, console)


def _figures(outcome: Outcome, stage: Stage, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("bridge", "from", "to", "read", "published", "dead letters", "own echoes"):
        table.add_column(heading, justify="left" if heading in {"bridge", "from", "to"} else "right")
    for direction, verification in outcome.verifications.items():
        result = verification.result
        figures = (result.read, result.published, result.dead_lettered, result.echoed)
        table.add_row(direction, verification.source, verification.target, *(f"{figure:,}" for figure in figures))
    console.print()
    console.print(table)
    where = "the built-in broker" if stage.cluster.built_in else stage.cluster.bootstrap
    console.print(
        f"\n{outcome.records:,} orders on {where}, produced, bridged and compared in {outcome.seconds:.0f} s.",
        style="dim",
    )


def _one_record(stage: Stage, console: Console) -> None:
    """The first v1 order of the stream, at every version."""
    subject = stage.project.catalogue[SUBJECT]
    ids = {version: version for version in subject.versions}
    first = next(
        one
        for one in orders(subject, ids, 50)
        if one.value is not None and not one.new and one.value[: PREFIX.size] == PREFIX.pack(0, 1)
    )
    value = subject.versions[1].decode((first.value or b"")[PREFIX.size :])
    chain = subject.chain(1, subject.latest)
    if isinstance(value, Rejected) or isinstance(chain, Rejected):
        return
    console.print("\n[bold]One order, hop by hop[/bold]")
    for stage_of_chain in chain.trace(value, Context()):
        _stage(subject.versions[stage_of_chain.version], stage_of_chain, console)


def _stage(schema: Any, stage: ChainStage, console: Console) -> None:
    led = f"  after {stage.hop}" if stage.hop else ""
    console.print(f"\n  [bold]{label(stage.version)}[/bold][dim]{led}[/dim]")
    for record in stage.records:
        for difference in record.differences:
            console.print(f"    {_line(difference)}", markup=False, soft_wrap=True, style="green")
        text = orjson.dumps(to_readable(schema, record.value)).decode()
        console.print(f"    {text}", markup=False, soft_wrap=True, style="dim" if record.differences else "")


def _line(difference: Difference) -> str:
    match difference.kind:
        case "added":
            return f"+ {difference.path} = {_short(difference.after)}"
        case "removed":
            return f"- {difference.path} (was {_short(difference.before)})"
        case "moved":
            return f"→ {difference.was} is now {difference.path}"
    return f"~ {difference.path}: {_short(difference.before)} → {_short(difference.after)}"


def _short(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    text = orjson.dumps(value, default=str).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def _one_letter(outcome: Outcome, console: Console) -> None:
    letters = sorted(outcome.letters, key=lambda one: one[1].rejected.hop is None)
    if not letters:
        return
    record, verdict = letters[0]
    rejected, source = verdict.rejected, verdict.source
    console.print("\n[bold]One that could not be carried[/bold], kept as it was among the dead letters")
    where = f"{source.topic} partition {source.partition} offset {source.offset}"
    hop = f" in {rejected.hop} at {rejected.path}" if rejected.hop else ""
    console.print(f"    {where}: [red]{rejected.code}[/red]{hop}", soft_wrap=True)
    console.print(f"    {rejected.message}", markup=False, soft_wrap=True)
    console.print(f"    {len(record.value or b''):,} bytes and all headers are as they were.", style="dim")


def _answers(outcome: Outcome, console: Console) -> None:
    figures = outcome.as_dict()
    console.print("\n[bold]Everything was read again and compared with the chain's own result[/bold]")
    for name, question in _QUESTIONS:
        count = figures[name]
        console.print(f"    {question:52} {'[red]' + format(count, ',') + '[/red]' if count else '[green]no[/green]'}")
    for difference in outcome.total.differences[:10]:
        place = f"partition {difference.partition} offset {difference.source_offset}"
        console.print(f"    {difference.kind} {place}: {difference.message}", style="red", markup=False)
    if not outcome.balanced:
        console.print("    The workers' own counts do not add up.", style="red")


def next_steps(built_in: bool, console: Console) -> None:
    console.print("\n[bold]What next[/bold]")
    if built_in:
        console.print("    make kafka                      a real Kafka here (Java 17, Maven)")
        console.print("    instar demo --kafka             the same, exactly once")
    console.print("    instar demo --serve             a shop at work, with the dashboard")
    console.print("    instar init shop                a project of your own")
    console.print("    instar try orders v1 v3 < FILE  one record through the chain")
