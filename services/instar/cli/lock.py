"""``instar lock``: what instar.lock holds, merging two branches' locks, and putting entries anew after an edit."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from instar.cli import completing
from instar.cli.dlq_choice import ByOption, actor
from instar.cli.exits import ERROR, NO, OK, USAGE, Failure, fail
from instar.cli.output import stderr
from instar.cli.scope import ProjectOption, open_project, refuse_broken, subject_of
from instar.core.finding import Finding
from instar.project.lock import NAME, Lock, LockBroken, write_atomically
from instar.project.lock_merge import Contradiction, Merged, Prefer, Sides, conflicted_sides, merge, read_side
from instar.project.replan import edits
from instar.project.replan import replan as put_anew
from instar.project.settings import find_root

FileOption = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, hidden=True)]


class Side(StrEnum):
    OURS = "ours"
    THEIRS = "theirs"


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="instar.lock: merge it, and plan anew after an edit.", no_args_is_help=True)
    group.command("merge")(merge_lock)
    group.command("replan")(replan)
    app.add_typer(group, name="lock")


def merge_lock(
    prefer: Annotated[
        Side | None, typer.Option("--prefer", help="Whose entry to take where both sides contradict each other.")
    ] = None,
    base: FileOption = None,
    ours: FileOption = None,
    theirs: FileOption = None,
    project: ProjectOption = None,
) -> int:
    """Resolve a merge conflict in instar.lock.

    Entries of both branches are laid together; an entry that only one of them changed is that one's. Exits with 3
    where both say something else of the same id or checksum: then say --prefer. As git's merge driver:
    `git config merge.instar.driver "instar lock merge --base %O --ours %A --theirs %B"`, and in .gitattributes
    `instar.lock merge=instar`.
    """
    choice: Prefer | None = None if prefer is None else prefer.value
    if ours is not None or theirs is not None or base is not None:
        return _driven(base, ours, theirs, choice)
    root = project or find_root(Path.cwd())
    if root is None:
        fail("No project here.", "Go to the project's folder, or name it with --project.", USAGE)
    try:
        sides = conflicted_sides(root)
    except (OSError, UnicodeDecodeError) as problem:
        raise Failure(f"{NAME} cannot be read: {problem}.", "Take the file from version control.") from problem
    if sides is None:
        stderr.print(f"{NAME} has no conflict marks: there is nothing to merge.", markup=False)
        return OK
    if isinstance(sides, list):
        return _broken(sides)
    made = merge(sides, choice)
    if made.contradictions:
        return _contradicted(made)
    _write(root / NAME, made.lock)
    print(root / NAME)
    stderr.print(f"Merged. → instar check && git add {NAME}", markup=False)
    return OK


def _driven(base: Path | None, ours: Path | None, theirs: Path | None, prefer: Prefer | None) -> int:
    """As git calls a merge driver: the result goes into ours; at an exit with other than 0 git keeps the conflict."""
    if ours is None or theirs is None:
        fail("A merge driver gives --ours and --theirs.", "Use --base %O --ours %A --theirs %B.", USAGE)
    read = [Lock() if each is None else read_side(each) for each in (base, ours, theirs)]
    broken = [finding for each in read if isinstance(each, list) for finding in each]
    if broken:
        return _broken(broken)
    before, mine, other = (each for each in read if isinstance(each, Lock))
    made = merge(Sides(before if base else None, mine, other), prefer)
    if made.contradictions:
        return _contradicted(made)
    _write(ours, made.lock)
    return OK


def _broken(findings: list[Finding]) -> int:
    for finding in findings:
        stderr.print(f"{finding.message}\n  → {finding.remedy}", markup=False, soft_wrap=True)
    return ERROR


def _contradicted(made: Merged) -> int:
    for each in made.contradictions:
        stderr.print(_said(each), markup=False, soft_wrap=True)
    stderr.print(
        "→ Find out which is right and say --prefer ours or --prefer theirs. A checksum: whose file is in the folder? "
        "An id: what does the registry have?",
        markup=False,
        soft_wrap=True,
    )
    return NO


def _said(each: Contradiction) -> str:
    return f"{each.entry}: ours says {each.ours}, theirs says {each.theirs}"


def _write(path: Path, lock: Lock) -> None:
    try:
        write_atomically(path, lock.text())
    except OSError as problem:
        raise Failure(f"{path} cannot be written: {problem.strerror}.", "Is the folder writable?") from problem


def replan(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", autocompletion=completing.subjects)],
    reason: Annotated[str | None, typer.Option("--reason", help="Why the edit changes no record's meaning.")] = None,
    execute: Annotated[
        bool, typer.Option("--execute/--dry-run", help="Write it; without it, it is only shown.")
    ] = False,
    by: ByOption = None,
    project: ProjectOption = None,
) -> int:
    """Accept an edit of schemas or hops that records have already met.

    Records that went through the old hop stay as they are: two records of one topic may then differ. The reason is
    kept in instar.lock. Exits with 3 where --execute would change something.
    """
    opened = open_project(project)
    subject_of(opened, subject)
    refuse_broken(tuple(each for each in opened.errors if each.code.startswith("lock")))
    source = opened.sources[subject]
    hops = f"upcasters/{subject}/"
    refuse_broken(  # a hop that does not load must not be taken for one that is gone
        tuple(
            each
            for each in opened.errors
            if (each.file or "").startswith(hops) and each.code not in ("hop-edited", "missing-hop")
        )
    )
    found = edits(opened.lock, source)
    for each in found:
        print(f"{each.entry}  {each.was[:12]} -> {each.now[:12] if each.now else 'gone'}  {each.file}")
    if not found:
        stderr.print(f"{subject} is as {NAME} has it: there is nothing to plan anew.", markup=False)
        return OK
    if not execute:
        stderr.print("Nothing is written; --execute --reason ... writes it.", markup=False)
        return NO
    if not reason or not reason.strip():
        fail("Somebody will ask why.", "Add --reason, a sentence that says why no record's meaning changes.", USAGE)
    stamp = f"{datetime.now(UTC).date().isoformat()} {actor(by)}: {' '.join(reason.split())}"
    try:
        put_anew(opened.root, source, stamp)
    except LockBroken as problem:
        return _broken(problem.findings)
    except OSError as problem:
        raise Failure(f"{NAME} cannot be written: {problem.strerror}.", "Is the folder writable?") from problem
    stderr.print(f"Written to {NAME}. Commit it with the edit.", markup=False)
    return OK
