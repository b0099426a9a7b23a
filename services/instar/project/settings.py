"""Reading the settings: ``instar.toml``, or ``[tool.instar]`` of ``pyproject.toml``, in the project root."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from instar.core.finding import Finding
from instar.project.census import CensusSettings
from instar.project.environment import Environment
from instar.project.late import Late
from instar.project.migration import Migration
from instar.project.model import Strict, did_you_mean, dotted, findings_of
from instar.project.serving import Serve
from instar.project.toml_lines import KeyPath, TomlLines

FORMAT = 1
DEFAULT_ENVIRONMENT = "local"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}\Z")


class Settings(Strict):
    """The settings of a project. ``format`` is the version of this file's own format."""

    format: Literal[1]
    environments: dict[str, Environment] = Field(default_factory=dict)
    migrations: dict[str, Migration] = Field(default_factory=dict)
    census: CensusSettings = CensusSettings()
    serve: Serve = Serve()


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The settings with where they stand, for findings of later checks."""

    settings: Settings
    file: str  # relative to the root
    prefix: KeyPath = ()
    lines: TomlLines = field(default_factory=lambda: TomlLines(""), repr=False)

    def finding(self, code: str, path: KeyPath, message: str, remedy: str, **more: Any) -> Finding:
        """A finding about one key."""
        line = self.lines.line_of((*self.prefix, *path))
        return Finding(code, message, remedy, file=self.file, line=line, path=dotted(path), **more)


class NoSuchEnvironment(Exception):
    """The settings have no environment of that name. ``remedy`` names those there are."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def is_project(folder: Path) -> bool:
    """Does the folder hold settings of instar, well-formed or not?"""
    if (folder / "instar.toml").is_file():
        return True
    pyproject = folder / "pyproject.toml"
    if not pyproject.is_file():
        return False
    text = pyproject.read_text(encoding="utf-8", errors="replace")
    return re.search(r"^\s*\[+\s*tool\s*\.\s*instar\b", text, re.M) is not None


def find_root(start: Path) -> Path | None:
    """The nearest folder, from ``start`` upwards, that is a project."""
    start = start.resolve()
    return next((folder for folder in (start, *start.parents) if is_project(folder)), None)


def read_settings(root: Path) -> SettingsFile | list[Finding]:
    """The settings of the project at ``root``, or everything that is wrong with them."""
    own = root / "instar.toml"
    if own.is_file():
        if (root / "pyproject.toml").is_file() and is_project_table(root / "pyproject.toml"):
            return [
                Finding(
                    code="settings-twice",
                    message="settings are in instar.toml and in [tool.instar] of pyproject.toml",
                    remedy="keep one of the two",
                    file="instar.toml",
                )
            ]
        return _read(own, ())
    if (root / "pyproject.toml").is_file():
        return _read(root / "pyproject.toml", ("tool", "instar"))
    return [
        Finding(
            code="settings-missing",
            message="this folder is not a project of instar: it has no instar.toml and no pyproject.toml",
            remedy="run `instar init FOLDER`, or go to the folder that has one",
            file="instar.toml",
        )
    ]


def is_project_table(pyproject: Path) -> bool:
    """Does this pyproject.toml hold [tool.instar]? One that cannot be parsed does not."""
    try:
        document = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False
    return "instar" in document.get("tool", {})


def _read(path: Path, prefix: KeyPath) -> SettingsFile | list[Finding]:
    table = read_toml(path, path.name, code="settings")
    if isinstance(table, Finding):
        return [table]
    document: Any = table[0]
    lines = table[1]
    for part in prefix:
        if not isinstance(document, dict) or part not in document:
            return [
                Finding(
                    code="settings-missing",
                    message=f"{path.name} has no [{'.'.join(map(str, prefix))}]",
                    remedy="add [tool.instar] with format = 1, or run `instar init FOLDER`",
                    file=path.name,
                )
            ]
        document = document[part]
    file = SettingsFile(Settings(format=1), path.name, prefix, lines)
    too_new = _format_problem(document, file)
    if too_new is not None:
        return [too_new]
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        return findings_of(error, Settings, file=path.name, lines=lines, prefix=prefix, code="settings")
    file = SettingsFile(settings, path.name, prefix, lines)
    bad_names = _bad_names(file)
    return bad_names if bad_names else file


def read_toml(path: Path, name: str, *, code: str) -> tuple[dict[str, Any], TomlLines] | Finding:
    """A TOML file and the lines of its keys; ``name`` is the file's name in the finding when it does not parse."""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), TomlLines(text)
    except UnicodeDecodeError as error:
        message, line = f"{name} is not UTF-8 text (byte {error.start})", None
    except OSError as error:
        message, line = f"{name} cannot be read: {error.strerror}", None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        message, line = f"{name} is not valid TOML: {error}", int(at[1]) if at else None
    return Finding(f"{code}-unreadable", message, "correct the file", file=name, line=line)


def _format_problem(document: Any, file: SettingsFile) -> Finding | None:
    """A file of a newer format is not judged by this one's rules: its other keys may well be right there."""
    number = document.get("format") if isinstance(document, dict) else None
    if isinstance(number, int) and not isinstance(number, bool) and number > FORMAT:
        return file.finding(
            "settings-format",
            ("format",),
            f"the settings are of format {number}, this instar reads up to {FORMAT}",
            "use a newer instar",
        )
    return None


def _bad_names(file: SettingsFile) -> list[Finding]:
    found = []
    for kind, names in (("environments", file.settings.environments), ("migrations", file.settings.migrations)):
        for name in names:
            if not _NAME.match(name):
                remedy = "use letters, digits, - and _, at most 63, beginning with a letter or digit"
                message = f"`{kind}.{name}`: names end up in topics' and groups' names and may not hold this"
                found.append(file.finding("settings", (kind, name), message, remedy))
            elif kind == "environments" and name == "files":
                message = "an environment cannot be named `files`: instar.lock uses the name for the folder's own ids"
                found.append(file.finding("settings", (kind, name), message, "choose another name"))
    return found


def choose_environment(settings: Settings, name: str | None) -> tuple[str, Environment]:
    """The named environment; without a name ``local``, or the only one there is. Raises ``NoSuchEnvironment``."""
    environments = settings.environments
    if name is not None:
        if name in environments:
            return name, environments[name]
        message = f"there is no environment `{name}` in the settings"
        raise NoSuchEnvironment(message, remedy=did_you_mean(name, environments))
    if not environments:
        return DEFAULT_ENVIRONMENT, Environment()
    if DEFAULT_ENVIRONMENT in environments:
        return DEFAULT_ENVIRONMENT, environments[DEFAULT_ENVIRONMENT]
    if len(environments) == 1:
        return next(iter(environments.items()))
    names = ", ".join(sorted(environments))
    raise NoSuchEnvironment(f"the settings have the environments {names} and none is named `local`", remedy="name one")


def written_secrets(file: SettingsFile) -> list[Finding]:
    """A warning for each secret that stands in the settings instead of in the environment or a file."""
    message = f"a secret is written into {file.file}"
    remedy = 'move it to the environment or a file and write "env:NAME" or "file:PATH"'
    return [
        file.finding("settings-secret", key, message, remedy, severity="warning")
        for key, value in _late_values(file.settings)
        if value.holds_secret
    ]


def _late_values(settings: Settings) -> Iterator[tuple[KeyPath, Late]]:
    for name, environment in settings.environments.items():
        at: KeyPath = ("environments", name)
        yield from (((*at, "kafka", key), value) for key, value in environment.kafka.items())
        yield from (((*at, "registry", key), value) for key, value in environment.registry.client.items())
        yield (*at, "registry", "url"), environment.registry.url
        yield (*at, "state"), environment.state
        if environment.notify is not None:
            yield from (
                ((*at, "notify", "webhook", key), each) for key, each in environment.notify.late_values().items()
            )
    for name, migration in settings.migrations.items():
        for index, gate in enumerate(migration.gates):
            for tool in ("alembic", "flyway", "liquibase"):
                if (asked := getattr(gate, tool)) is not None:
                    yield ("migrations", name, "gates", index, tool, "database"), asked.database
