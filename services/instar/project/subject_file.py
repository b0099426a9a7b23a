"""``schemas/<subject>/subject.toml``: who owns a subject, how compatible it stays, what in it is sensitive."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from instar.core.finding import Finding
from instar.core.version import label, parse_label
from instar.project.model import Names, Strict, findings_of, wrong
from instar.project.settings import read_toml
from instar.project.toml_lines import TomlLines

NAME = "subject.toml"

Compatibility = Literal[
    "none", "backward", "backward-transitive", "forward", "forward-transitive", "full", "full-transitive"
]


def _compatibility(value: Any) -> Any:
    """Registries write BACKWARD_TRANSITIVE for the same thing."""
    return value.lower().replace("_", "-") if isinstance(value, str) else value


def _versions(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    for name in value:
        if not isinstance(name, str) or parse_label(name) is None:
            raise wrong(f"`{name}` is not a version", 'write versions like v1 = { tag = "4.0.0" }')
    return value


class VersionNotes(Strict):
    """What is known of one version: ``tag`` is its name elsewhere, such as a release; ``deprecated`` may say why.

    ``sunset`` is the day until which readers of a deprecated version may stay: it cannot be retired before.
    """

    tag: str = ""
    deprecated: bool | str = False
    sunset: date | None = None
    description: str = ""


class SubjectFile(Strict):
    """``sensitive`` are field paths, of any version, whose values are never shown and never carried in a header."""

    owner: str = ""
    contact: str = ""
    description: str = ""
    compatibility: Annotated[Compatibility, BeforeValidator(_compatibility)] = "backward"
    sensitive: Names = ()
    unknown: Literal["keep", "reject"] = "keep"
    deprecated: bool | str = False
    versions: Annotated[dict[str, VersionNotes], BeforeValidator(_versions)] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A version that readers should leave. ``sunset`` is the first day without it, None where none is said."""

    reason: str
    sunset: date | None

    @property
    def short(self) -> str:
        return "deprecated" if self.sunset is None else f"deprecated, sunset {self.sunset.isoformat()}"

    def holds_on(self, today: date) -> bool:
        """May the version not be retired yet on that day?"""
        return self.sunset is not None and today < self.sunset


def deprecation_of(notes: SubjectFile, version: int) -> Deprecation | None:
    """What subject.toml says of the end of a version, None where it says nothing.

    A subject that is deprecated as a whole deprecates all of its versions.
    """
    known = notes.versions.get(label(version))
    said = (known.deprecated or notes.deprecated) if known else notes.deprecated
    sunset = known.sunset if known else None
    if not said and sunset is None:
        return None
    return Deprecation(said if isinstance(said, str) else "", sunset)


def sunset_of(notes: SubjectFile, version: int) -> date | bool:
    """As a retirement asks it: False where the version is not deprecated, True where it is and no day is said."""
    ends = deprecation_of(notes, version)
    return False if ends is None else ends.sunset or True


def read_subject_file(folder: Path, file: str) -> tuple[SubjectFile, TomlLines] | list[Finding]:
    """A subject's own settings; all defaults where it has no file. ``file`` is its name in findings."""
    path = folder / NAME
    if not path.exists():
        return SubjectFile(), TomlLines("")
    read = read_toml(path, file, code="subject")
    if isinstance(read, Finding):
        return [read]
    document, lines = read
    try:
        return SubjectFile.model_validate(document), lines
    except ValidationError as error:
        return findings_of(error, SubjectFile, file=file, lines=lines, prefix=(), code="subject")
