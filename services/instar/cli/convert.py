"""``instar convert FILE...``: archives of records from their version to another."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Annotated, Any, BinaryIO

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from instar.archives.draft import Draft, already_there
from instar.archives.errors import Unusable
from instar.cli import completing
from instar.cli.conversion import REJECTS_LISTED, Step, Tally, Task, convert_file, kind_of
from instar.cli.exits import USAGE, Failure, fail
from instar.cli.output import Format, print_rows, stderr
from instar.cli.scope import EnvironmentOption, ProjectOption, open_project, refuse_broken, subject_of, version_of
from instar.cli.stopping import stopping
from instar.core.formats.framing.payload_field import PayloadField
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.core.version import label
from instar.project.project import Project

_STEP_RECORDS = 500  # between two looks at the clock and at the signals


class _Stopped(Exception):
    """A signal came."""


def add_to(app: typer.Typer) -> None:
    app.command("convert")(convert)


def convert(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Avro containers, JSON lines, JSON documents.")
    ],
    subject: Annotated[str, typer.Option("--subject", "-s", metavar="SUBJECT", autocompletion=completing.subjects)],
    to_version: Annotated[str, typer.Option("--to", metavar="VERSION", autocompletion=completing.versions)],
    out: Annotated[Path, typer.Option("--output", metavar="OUT", help="A file; a folder for several files.")],
    from_version: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="VERSION", help="The version of JSON records.", autocompletion=completing.versions
        ),
    ] = None,
    version_field: Annotated[
        str | None, typer.Option("--version-field", metavar="NAME", help="The field of JSON records that says it.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", metavar="FILE", help="Put rejected records here and go on.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    summary: Annotated[Format, typer.Option("-o", "--summary", help="How the summary is printed.")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Bring archived records to another version, up or down. Each file keeps its kind, codec and order.

    A container file says itself which version it holds. JSON records of an Avro subject are in the readable notation
    of schemas/SUBJECT/examples. The results appear whole, when everything is done, or not at all: one rejected record
    fails the run, unless --rejects says where to put it.
    """
    opened = open_project(project, environment)
    task = _task(opened, subject, to_version, from_version, version_field)
    try:
        pairs = _pairs(files, out)
        kinds = [kind_of(file) for file, _ in pairs]
        if any(kind != "container" for kind in kinds):
            _need_version(task)
        targets = [target for _, target in pairs] + ([rejects] if rejects else [])
        _refuse_taken(targets, force=force)
        with stopping() as state, _drafts(targets) as drafts:
            try:
                tallies = _convert_all(task, pairs, drafts, state.event)
            except _Stopped:
                stderr.print("Stopped; nothing was written.", markup=False)
                return state.exit_code
            _say_rejected(tallies, rejects)
            _keep(drafts, tallies, force=force)
    except Unusable as problem:
        raise Failure(str(problem), problem.remedy) from problem
    _summarize(tallies, pairs, task, summary)
    return 0


def _task(project: Project, name: str, to_version: str, from_version: str | None, field: str | None) -> Task:
    subject = subject_of(project, name)
    end = version_of(subject, to_version)
    start = version_of(subject, from_version) if from_version else None
    if start is not None:
        way = subject.chain(start, end)
        if isinstance(way, Rejected):
            refuse_broken(tuple(each for each in project.errors if each.subject == name))
            fail(f"{way.message[:1].upper()}{way.message[1:]}.", "`instar check` shows the hops.")
    framing = _framing(project, subject, start, field)
    return Task(subject, end, start, framing, project.document(name, end))


def _framing(project: Project, subject: Subject, start: int | None, field: str | None) -> PayloadField | None:
    """The version field: the one asked for, else the settings' own where --from does not make it needless."""
    if field is not None:
        if subject.kind != "json":
            fail(f"--version-field is for JSON records, and {subject.name} is Avro.", "Give --from instead.", USAGE)
        return PayloadField(field, default=start)
    if start is not None or subject.kind != "json":
        return None
    for migration in project.settings.migrations.values():
        if subject.name in migration.subjects and migration.source.framing.kind == "payload-field":
            built = migration.source.framing.build()
            return built if isinstance(built, PayloadField) else None
    return None


def _need_version(task: Task) -> None:
    if task.from_version is None and task.framing is None:
        fail(
            "JSON records do not say by themselves which version they have.",
            f"Give --from {label(min(task.subject.versions))}, or --version-field NAME for records that name it.",
            USAGE,
        )


def _pairs(files: list[Path], out: Path) -> list[tuple[Path, Path]]:
    """Each file with the file that it becomes."""
    for file in files:
        if not file.is_file():
            what = "is a folder" if file.is_dir() else "is not there"
            fail(f"{file} {what}.", "Name the files to convert.", USAGE)
    if str(out) == "-":
        fail("--output - is no file: results appear whole or not at all.", "Name a file or a folder.", USAGE)
    is_folder = out.is_dir()
    if len(files) > 1 and not is_folder:
        fail(f"--output {out} is not a folder, and there are {len(files)} files.", f"Make it: mkdir {out}", USAGE)
    pairs = [(file, out / file.name if is_folder else out) for file in files]
    names = [target for _, target in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        fail(f"Two of the files would become {twice}.", "Convert them into two folders.", USAGE)
    return pairs


def _refuse_taken(targets: list[Path], *, force: bool) -> None:
    for target in targets:
        if target.is_dir():
            raise Unusable(f"{target} is a folder.", remedy="Name a file.")
        if target.exists() and not force:
            raise already_there(target)


@contextmanager
def _drafts(targets: list[Path]) -> Iterator[list[Draft]]:
    """A draft for each target; whatever is not kept is gone afterwards."""
    made: list[Draft] = []
    with ExitStack() as stack:
        for target in targets:
            draft = Draft(target)
            stack.callback(draft.discard)
            made.append(draft)
        yield made


def _convert_all(task: Task, pairs: list[tuple[Path, Path]], drafts: list[Draft], stop: Event) -> list[Tally]:
    tallies = []
    rejects = drafts[len(pairs)].file if len(drafts) > len(pairs) else None
    total_bytes = sum(file.stat().st_size for file, _ in pairs)
    with _progress(total_bytes) as progress, redirect_stdout(sys.stderr):  # a hop that prints is not the summary
        for (file, _), draft in zip(pairs, drafts, strict=False):
            with file.open("rb") as source:
                step = progress.follow(source, stop)
                tallies.append(convert_file(task, file, source, draft.file, rejects, step))
            progress.finished(file)
    for draft in drafts:
        draft.seal()
    return tallies


@dataclass(slots=True)
class _Shown:
    """Progress in bytes over all files; nothing is drawn where nobody watches."""

    bar: Progress | None
    done_bytes: int = 0

    def follow(self, source: BinaryIO, stop: Event) -> Step:
        seen = 0

        def step() -> None:
            nonlocal seen
            seen += 1
            if seen % _STEP_RECORDS:
                return
            if stop.is_set():
                raise _Stopped
            if self.bar is not None:
                self.bar.update(self.bar.task_ids[0], completed=self.done_bytes + source.tell())

        return step

    def finished(self, file: Path) -> None:
        self.done_bytes += file.stat().st_size
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=self.done_bytes)


@contextmanager
def _progress(total_bytes: int) -> Iterator[_Shown]:
    if not stderr.is_terminal:
        yield _Shown(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True) as bar:
        bar.add_task("converting", total=total_bytes)
        yield _Shown(bar)


def _say_rejected(tallies: list[Tally], rejects: Path | None) -> None:
    """List what was rejected; fail when nobody said where to put it."""
    count = sum(tally.rejected for tally in tallies)
    if not count:
        return
    listed = [(tally.file, place, rejected) for tally in tallies for place, rejected in tally.listed]
    for file, place, rejected in listed[:REJECTS_LISTED]:
        where = "  ".join(
            part for part in (rejected.hop and f"in {rejected.hop}", rejected.path and f"at {rejected.path}") if part
        )
        stderr.print(f"{file}, {place}: {rejected.code}{'  ' + where if where else ''}", markup=False, soft_wrap=True)
        stderr.print(f"  {rejected.message}", markup=False, soft_wrap=True)
    if count > len(listed[:REJECTS_LISTED]):
        stderr.print(f"… and more: {count:,} in all", markup=False)
    if rejects is None:
        noun = "record was" if count == 1 else "records were"
        fail(
            f"{count:,} {noun} rejected; nothing was written.",
            "Correct them, or give --rejects FILE to put them aside and convert the rest.",
        )


def _keep(drafts: list[Draft], tallies: list[Tally], *, force: bool) -> None:
    for number, draft in enumerate(drafts):
        tally = tallies[number] if number < len(tallies) else None
        is_empty_document = tally is not None and tally.kind == "document" and not tally.written
        is_needless = tally is None and not any(each.rejected for each in tallies)
        if not (is_empty_document or is_needless):
            draft.keep(replace=force)


def _summarize(tallies: list[Tally], pairs: list[tuple[Path, Path]], task: Task, output: Format) -> None:
    rows: list[dict[str, Any]] = [
        {
            "file": str(tally.file),
            "output": None if tally.kind == "document" and not tally.written else str(target),
            "kind": tally.kind,
            "from": ", ".join(f"{version}: {count:,}" for version, count in sorted(tally.versions.items()))
            if output is Format.TABLE
            else tally.versions,
            "to": label(task.to_version),
            "read": tally.read,
            "written": tally.written,
            "dropped": tally.dropped,
            "rejected": tally.rejected,
        }
        for tally, (_, target) in zip(tallies, pairs, strict=True)
    ]
    print_rows(rows, {name: name for name in rows[0]}, output)
