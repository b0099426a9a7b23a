"""What both ends share: which subjects and versions are asked for, and each topic's framing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from instar.client.errors import SetupError
from instar.client.formats import Formats
from instar.client.models import names_version
from instar.core.formats.framing import Framing
from instar.core.subject import Subject
from instar.core.version import label, parse_label
from instar.project.migration import FramingSettings
from instar.project.pack import TopicFraming

FramingChoice = str | Mapping[str, Any]
Versions = str | Mapping[str, str]
Types = Any  # a type, or a mapping of subjects to types


def subject_names(subject: str | Iterable[str] | None, to: Types) -> tuple[str, ...]:
    """The subjects asked for: as said, else that of a model which says it."""
    if isinstance(subject, str):
        return (subject,)
    if subject is not None:
        names = tuple(subject)
        if names:
            return names
    if isinstance(to, Mapping):
        return tuple(to)
    if names_version(to):
        return (to.instar_subject,)
    raise SetupError("Nothing says which subject's records these are.", remedy='Say subject="orders".')


def type_for(to: Types, subject: str) -> Any:
    return to.get(subject) if isinstance(to, Mapping) else to


def version_for(asked: Versions | None, to: Any, subject: Subject) -> int:
    """The version asked for: as said, else that of a model which says it. ``latest`` is the newest one here."""
    text = asked.get(subject.name) if isinstance(asked, Mapping) else asked
    has = ", ".join(label(each) for each in sorted(subject.versions))
    named = to.instar_version if names_version(to) else None
    if text is None:
        text = named
    if text is None:
        raise SetupError(f"Nothing says which version of {subject.name} is asked for.", remedy=f"It has {has}.")
    number = subject.latest if text == "latest" else parse_label(text)
    if number is None:
        raise SetupError(f"{text!r} is not a version.", remedy=f"{subject.name} has {has}, or say latest.")
    if number not in subject.versions:
        raise SetupError(f"{subject.name} has no {text}.", remedy=f"It has {has}.")
    if named is not None and (to.instar_subject, named) != (subject.name, label(number)):
        raise SetupError(
            f"{to.__name__} is the model of {to.instar_subject} {named}, not of {subject.name} {label(number)}.",
            remedy=f"Name that version's model, or leave {label(number)} out.",
        )
    return number


def framing_settings(choice: FramingChoice | None) -> FramingSettings | None:
    """A framing as the settings write it: ``"registry-prefix"``, or a table."""
    if choice is None:
        return None
    try:
        return FramingSettings.model_validate({"kind": choice} if isinstance(choice, str) else dict(choice))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise SetupError(f"framing={choice!r}: {first['msg']}.", remedy="Write it as in the settings.") from error


class Framings:
    """The framing of each topic, made once: the one chosen, else as the project's migrations say."""

    def __init__(self, formats: Formats, choice: FramingSettings | None, version: int, subject: str | None) -> None:
        self._formats = formats
        self._choice = choice
        self._version = version
        self._subject = subject
        self._made: dict[str, Framing] = {}

    def of(self, topic: str) -> Framing:
        """``SetupError`` never comes from here: framing ``none`` takes records for the version asked for."""
        framing = self._made.get(topic)
        if framing is None:
            said = self._formats.framing_of(topic) if self._choice is None else TopicFraming(self._choice, None)
            version = self._version if said.version is None else said.version
            framing = self._made[topic] = said.settings.build(version=version, subject=self._subject)
        return framing


def sole(names: tuple[str, ...]) -> str | None:
    return names[0] if len(names) == 1 else None


def root_of(project: str | Path) -> Path:
    return Path(project).expanduser()
