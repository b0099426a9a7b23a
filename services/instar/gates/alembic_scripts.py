"""Alembic's revisions as their scripts name them. The scripts are read and never run: a gate executes nothing."""

import ast
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instar.gates.answer import Unanswered

_MOST_SCRIPTS = 20_000
_LARGEST_SCRIPT_BYTES = 4 * 1024 * 1024
_SCRIPT = re.compile(r"(?!\.#|__init__).*\.py\Z")  # Alembic's own rule, alembic.script.base
_LEGACY_NAME = re.compile(r"([a-f0-9]+)\.py\Z")  # of scripts that do not name their revision: as above


@dataclass(frozen=True, slots=True)
class Revision:
    id: str
    down: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class Scripts:
    """A graph of revisions, from any iterable of them."""

    def __init__(self, revisions: Iterable[Revision]) -> None:
        """Raises ``Unanswered`` where two have one id, or one names another that is not there."""
        self._revisions: dict[str, Revision] = {}
        self._labelled: dict[str, str] = {}
        for each in revisions:
            if each.id in self._revisions:
                raise Unanswered(f"two scripts are the revision {each.id}")
            self._revisions[each.id] = each
            self._labelled |= dict.fromkeys(each.labels, each.id)
        for each in self._revisions.values():
            for other in (*each.down, *each.depends_on):
                if self._target(other) is None:
                    raise Unanswered(f"the revision {each.id} names {other}, which no script is")

    def __contains__(self, revision: str) -> bool:
        return revision in self._revisions

    def full(self, revision: str) -> str:
        """The whole id of one that may be shortened. Raises ``Unanswered`` where none or several are meant."""
        if revision in self._revisions:
            return revision
        meant = sorted(each for each in self._revisions if each.startswith(revision))
        if len(meant) == 1:
            return meant[0]
        several = f"{len(meant)} scripts could be {revision} ({', '.join(meant[:5])})"
        said = several if meant else f"no script is {revision}"
        raise Unanswered(f"{said}; write the revision whole, and name the folder that has it")

    def behind(self, revision: str, *, dependencies: bool = True) -> frozenset[str]:
        """Everything that is applied where ``revision`` is, without itself; nothing for one that is not there."""
        found: set[str] = set()
        left = [revision]
        while left:
            current = self._revisions.get(left.pop())
            if current is None:
                continue
            before = (*current.down, *current.depends_on) if dependencies else current.down
            for other in map(self._target, before):
                if other is not None and other not in found:
                    found.add(other)
                    left.append(other)
        return frozenset(found)

    def one_behind_another(self, heads: Sequence[str]) -> tuple[str, str] | None:
        """Two of the heads of which one lies behind the other on its own branch: no table that Alembic wrote has that.

        One that another merely depends on may stand beside it.
        """
        for head in heads:
            behind = self.behind(head, dependencies=False)
            for other in heads:
                if other in behind:
                    return other, head
        return None

    def _target(self, name: str) -> str | None:
        return name if name in self._revisions else self._labelled.get(name)


def read_scripts(folders: Sequence[Path]) -> Scripts:
    """The scripts of version folders; of a folder with ``versions`` in it, those in there. Raises ``Unanswered``."""
    found: list[Revision] = []
    for folder in folders:
        inside = folder / "versions"
        place = inside if inside.is_dir() else folder
        try:
            files = sorted(each for each in place.iterdir() if _SCRIPT.match(each.name))
        except OSError as error:
            raise Unanswered(f"the scripts in {folder} cannot be read: {error.strerror}") from error
        if len(files) > _MOST_SCRIPTS:
            raise Unanswered(f"{place} has more than {_MOST_SCRIPTS} scripts")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of somebody else's sources: an escape that Python will not know one day
            found += [_read(file) for file in files]
    return Scripts(found)


def _read(file: Path) -> Revision:
    try:
        if file.stat().st_size > _LARGEST_SCRIPT_BYTES:
            raise Unanswered(f"the script {file.name} has more than {_LARGEST_SCRIPT_BYTES} bytes")
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not Python"
        raise Unanswered(f"the script {file.name} cannot be read: {reason}") from error
    values = _assigned(tree, file.name)
    legacy = _LEGACY_NAME.match(file.name)
    id_ = values.get("revision", legacy[1] if legacy else None)
    if not isinstance(id_, str):
        raise Unanswered(f"the script {file.name} does not say which revision it is")
    more = {key: _names(values.get(key), file.name, key) for key in ("down_revision", "depends_on", "branch_labels")}
    return Revision(id_, more["down_revision"], more["depends_on"], more["branch_labels"])


def _assigned(tree: ast.Module, file: str) -> Mapping[str, Any]:
    wanted = {"revision", "down_revision", "depends_on", "branch_labels"}
    values: dict[str, Any] = {}
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        names = wanted & {target.id for target in targets if isinstance(target, ast.Name)}
        for name in names:
            try:
                values[name] = ast.literal_eval(statement.value)  # type: ignore[attr-defined]  # both kinds have one
            except ValueError as error:
                raise Unanswered(
                    f"the script {file} computes its {name}; gates read scripts and do not run them: write it out"
                ) from error
    return values


def _names(value: Any, file: str, key: str) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple | set) else None
    if value is None:
        return ()
    if names is None or not all(isinstance(each, str) for each in names):
        raise Unanswered(f"the script {file} has a {key} that is no revision")
    return names
