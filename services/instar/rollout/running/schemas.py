"""Versions in the registry, under the names that the migration's topics give them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instar.core.rollout.effect import Effect, RegisterSchema
from instar.core.version import label
from instar.registry.identify import Identity
from instar.registry.port import Document, Withdrawing
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.handler import nothing, only


@dataclass(frozen=True, slots=True)
class Version:
    """A version's whole document, and the registry subjects that it belongs under."""

    document: Document
    registry_subjects: tuple[str, ...]


Versions = Callable[[str, int], Version | None]
"""The project's, by subject and version; None where it has none such."""


class Schemas:
    """Runs ``RegisterSchema``. ``identity`` registers and notes ids in instar.lock, as `instar schema register` does.

    ``between`` is called between two changes of the registry.
    """

    def __init__(
        self, registry: Withdrawing, identity: Identity, versions: Versions, between: Callable[[], None] = nothing
    ) -> None:
        self._registry = registry
        self._identity = identity
        self._versions = versions
        self._between = between

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:  # noqa: ARG002 - the port's method
        """``{"ids": {registry subject: id, or None where it does not have the version}}``."""
        asked = only(effect, RegisterSchema)
        found = self._versions(asked.subject, asked.version)
        return {"ids": {} if found is None else self._ids(found, found.registry_subjects)}

    def run(self, effect: Effect, context: Context) -> Outcome:  # noqa: ARG002 - the port's method
        asked = only(effect, RegisterSchema)
        found = self._versions(asked.subject, asked.version)
        if found is None:
            return Outcome(
                "failed",
                message=f"the project has no {asked.subject} {label(asked.version)} any more",
                remedy="Bring the file back, or plan again.",
            )
        ids = {}
        for name in found.registry_subjects:
            self._between()
            ids[name] = self._identity.id_for(asked.subject, asked.version, found.document.text, name, register=True)
        self._between()
        return Outcome("done", {"ids": ids, "registry": self._registry.name})

    def revert(self, effect: Effect, context: Context) -> Outcome:
        """Deletes softly what was not there before: the id stays readable, and stays in instar.lock."""
        asked = only(effect, RegisterSchema)
        found = self._versions(asked.subject, asked.version)
        ids: Mapping[str, int | None] = context.before["ids"]
        ours = [name for name, known in ids.items() if known is None]
        if found is None:
            if not ours:
                return Outcome("done", {"withdrawn": []})
            return Outcome(
                "failed",
                message=f"the project has no {asked.subject} {label(asked.version)} any more, so it cannot be found "
                f"under {', '.join(ours)}",
                remedy="Bring the file back.",
            )
        withdrawn = []
        for name in ours:
            self._between()
            if self._registry.withdraw(name, found.document):
                withdrawn.append(name)
        self._between()
        return Outcome("done", {"withdrawn": withdrawn})

    def happened(self, effect: Effect, context: Context) -> bool | None:  # noqa: ARG002 - the port's method
        """Not final: nobody needs to know."""
        return None

    def _ids(self, version: Version, names: Sequence[str]) -> dict[str, int | None]:
        return {name: self._registry.id_of(name, version.document) for name in names}
