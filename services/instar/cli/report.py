"""``instar report M``: where a rollout stands or how it went, in words, as JSON, or as one HTML page."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from instar.cli.exits import OK, USAGE, fail
from instar.cli.moving import DocumentOption
from instar.cli.output import Document, one_line, print_json, stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, open_project
from instar.cli.steering import MigrationArgument
from instar.kafka.errors import KafkaTrouble
from instar.operations.rolling import Rolling, rolling
from instar.operations.rollout_report import as_html, as_text, report
from instar.project.lock import write_atomically


def add_to(app: typer.Typer) -> None:
    app.command("report")(make_report)


def make_report(
    migration: MigrationArgument,
    out: Annotated[
        list[Path] | None, typer.Option("--out", metavar="FILE", help="FILE.json or FILE.html; may be repeated.")
    ] = None,
    output: DocumentOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Report a rollout: phases and transitions with their times, records, verification, approvals, what went wrong and
    what was learnt. In words, as JSON with -o json, or into files."""
    files = out or []
    for file in files:
        if file.suffix not in (".json", ".html"):
            fail(f"{file}: a report is .json or .html.", "Name the file so.", USAGE)
    with rolling(open_project(project, environment), migration, bootstrap=bootstrap) as at:
        said = report(at)
        _warn_of_another_store(at)
    for file in files:
        text = (
            as_html(said) if file.suffix == ".html" else orjson.dumps(said, option=orjson.OPT_INDENT_2).decode() + "\n"
        )
        write_atomically(file, text)
        stderr.print(f"written: {file}", markup=False, soft_wrap=True)
    if output is Document.JSON:
        print_json(said)
    elif not files:
        print("\n".join(map(one_line, as_text(said))))
    return OK


def _warn_of_another_store(at: Rolling) -> None:
    """Its ledger is then not the one that tells how it went."""
    try:
        other = at.another_store()
    except KafkaTrouble:
        return  # the counts say that the cluster is away
    if other:
        stderr.print(f"warning: {other}", markup=False, soft_wrap=True)
