"""What the shell completes: names from the project's files. Kafka is not asked, since a key press should not wait."""

from pathlib import Path

import typer

from instar.core.version import label, parse_label
from instar.project.catalogue import subject_names
from instar.project.schema_files import FOLDER
from instar.project.settings import Settings, find_root, read_settings


def subjects(ctx: typer.Context, incomplete: str) -> list[str]:
    root = _root(ctx)
    return [] if root is None else _beginning(subject_names(root), incomplete)


def versions(ctx: typer.Context, incomplete: str) -> list[str]:
    """The versions of the subject on the command line; of every subject where there is none yet."""
    root = _root(ctx)
    if root is None:
        return []
    named = ctx.params.get("subject")
    known: set[int] = set()
    for subject in [named] if isinstance(named, str) else subject_names(root):
        folder = root / FOLDER / subject
        stems = [parse_label(path.stem) for path in folder.iterdir()] if folder.is_dir() else []
        known |= {version for version in stems if version is not None}
    return _beginning([label(version) for version in sorted(known)], incomplete)


def migrations(ctx: typer.Context, incomplete: str) -> list[str]:
    return _beginning(sorted(_settings(ctx).migrations), incomplete)


def environments(ctx: typer.Context, incomplete: str) -> list[str]:
    return _beginning(sorted(_settings(ctx).environments), incomplete)


def topics(ctx: typer.Context, incomplete: str) -> list[str]:
    """The topics that the settings name."""
    named: set[str] = set()
    for migration in _settings(ctx).migrations.values():
        named |= {migration.source.topic, migration.target.topic, migration.dead_letter_topic}
    return _beginning(sorted(named), incomplete)


def _root(ctx: typer.Context) -> Path | None:
    given = ctx.params.get("project")
    return given if isinstance(given, Path) else find_root(Path.cwd())


def _settings(ctx: typer.Context) -> Settings:
    """Settings with mistakes complete to nothing: completion is not the place to say so."""
    root = _root(ctx)
    read = None if root is None else read_settings(root)
    return Settings(format=1) if read is None or isinstance(read, list) else read.settings


def _beginning(names: list[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
