"""The entry point: runs the app and turns what it raises into one message and an exit code."""

import sys

import typer
from confluent_kafka import KafkaException

from instar import __version__
from instar.cli import (
    abandon,
    apply,
    approve,
    backfill,
    can_retire,
    census,
    check,
    client,
    consumers,
    control,
    convert,
    db,
    demo,
    dlq,
    doctor,
    guard,
    history,
    init,
    lesson,
    lock,
    log_lines,
    pack,
    pause,
    plan,
    rate,
    record,
    rehearse,
    report,
    resume,
    retire,
    rollback,
    schema,
    serve,
    status,
    switch,
    tail,
    topic,
    try_record,
    upcaster,
    verify,
    watch,
    worker,
)
from instar.cli.exits import ERROR, INTERRUPTED, UNREACHABLE, USAGE, Failure
from instar.cli.output import stderr
from instar.core.rollout.document import UnknownFormat
from instar.kafka.errors import KafkaTrouble, unforeseen
from instar.kafka.failpoints import BadFailpoint
from instar.operations.failure import Broken
from instar.registry.port import RegistryError, RegistryUnreachable
from instar.state.errors import StateTrouble

_FINDINGS_SHOWN = 20

app = typer.Typer(
    name="instar",
    help="Moves the format of Kafka event streams forward while producers and consumers keep running.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        print(f"instar {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None: ...


VERBS = (
    init,
    demo,
    doctor,
    check,
    schema,
    upcaster,
    lock,
    try_record,
    convert,
    pack,
    client,
    plan,
    apply,
    approve,
    worker,
    backfill,
    status,
    watch,
    pause,
    resume,
    rate,
    rehearse,
    verify,
    switch,
    rollback,
    lesson,
    abandon,
    can_retire,
    retire,
    guard,
    control,
    report,
    record,
    tail,
    consumers,
    census,
    dlq,
    topic,
    history,
    db,
    serve,
)
for verb in VERBS:
    verb.add_to(app)


def main() -> None:
    """Run a command line. Exits with the codes of design section 13."""
    log_lines.configure()
    try:
        code = app(standalone_mode=False)
    except (Failure, KafkaTrouble, StateTrouble) as failure:
        if isinstance(failure, Broken):
            _say_findings(failure)
        _say(str(failure), failure.remedy)
        code = failure.exit_code
    except KafkaException as exception:
        unexpected = unforeseen(exception)
        _say(str(unexpected), unexpected.remedy)
        code = unexpected.exit_code
    except BadFailpoint as problem:
        _say(str(problem), "")
        code = USAGE
    except UnknownFormat as later:
        _say(str(later), later.remedy)
        code = ERROR
    except RegistryError as failure:
        _say(str(failure), failure.remedy)
        code = UNREACHABLE if isinstance(failure, RegistryUnreachable) else ERROR
    except typer.TyperException as problem:
        _say_usage(problem)
        code = problem.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)


def _say(message: str, remedy: str) -> None:
    stderr.print("error:", style="bold red", end=" ")
    stderr.print(message, markup=False, soft_wrap=True)
    if remedy:
        stderr.print(f"→ {remedy}", markup=False, soft_wrap=True)


def _say_findings(broken: Broken) -> None:
    for finding in broken.findings[:_FINDINGS_SHOWN]:
        where = f"{finding.file}:{finding.line}" if finding.line else finding.file
        stderr.print(f"[red]{finding.code}[/red] {where or ''}", soft_wrap=True)
        stderr.print(f"  {finding.message}\n  → {finding.remedy}", markup=False, soft_wrap=True)


def _say_usage(problem: typer.TyperException) -> None:
    """What is wrong with the command line, and where its help is. No arguments at all: the help itself."""
    context = getattr(problem, "ctx", None)
    if context is None:
        _say(problem.format_message(), "")
    elif problem.format_message():
        _say(problem.format_message(), f"`{context.command_path} --help` says what it takes.")
