"""A project: its folder read once, with everything that is wrong with it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instar.core.finding import Finding
from instar.core.formats.schema import Schema
from instar.core.parts import Parts
from instar.core.subject import Catalogue, Subject
from instar.core.version import label
from instar.project import lock as lock_file
from instar.project.catalogue import SubjectSource, read_catalogue
from instar.project.crosscheck import cross_check
from instar.project.drift import edited
from instar.project.environment import FILES, Environment
from instar.project.lock import HopKey, Lock, LockIds, VersionKey, read_lock
from instar.project.migration import Migration
from instar.project.serving import Serve
from instar.project.settings import Settings, SettingsFile, choose_environment, read_settings, written_secrets

# Of a migration's settings; `Project.fingerprint` says why.
NOT_FINGERPRINTED: dict[str, bool | set[str]] = {"batch": True, "rollout": {"caught_up_lag", "barrier"}}


@dataclass(frozen=True, slots=True)
class Project:
    """What a project folder holds. Where ``findings`` has an error, what it is about is missing here."""

    root: Path
    settings: Settings
    environment_name: str
    environment: Environment
    catalogue: Catalogue
    lock: Lock
    findings: tuple[Finding, ...]
    sources: Mapping[str, SubjectSource] = field(default_factory=dict, repr=False)

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def registry_name(self) -> str:
        """The name under which instar.lock keeps the ids of this environment's registry."""
        return FILES if self.environment.registry.is_files else self.environment_name

    @property
    def serve(self) -> Serve:
        """Who may use the server: what the environment says of it, or else all environments."""
        return self.environment.serve or self.settings.serve

    def ids(self) -> LockIds:
        """The registry ids of this environment, written through to instar.lock."""
        return LockIds(self.root, self.registry_name, self.lock)

    def subjects_of(self, migration: Migration) -> tuple[Subject, ...]:
        """KeyError when the catalogue lacks one, which is an error among the findings."""
        return tuple(self.catalogue[name] for name in migration.subjects)

    def errors_of(self, name: str) -> tuple[Finding, ...]:
        """The errors that keep a migration from running: its own settings', its subjects', and those of no subject.

        All errors for a migration that could not be read or is not there.
        """
        if name not in self.settings.migrations:
            return self.errors
        subjects = self.settings.migrations[name].subjects
        others = {f"migrations.{each}" for each in self.settings.migrations if each != name}
        return tuple(
            finding
            for finding in self.errors
            if (finding.subject is None or finding.subject in subjects)
            and not any(finding.path == other or (finding.path or "").startswith(other + ".") for other in others)
        )

    def schemas(self) -> dict[VersionKey, Schema]:
        """Every version of every subject, as a registry is opened with them."""
        return {
            (name, version): schema
            for name, subject in self.catalogue.subjects.items()
            for version, schema in subject.versions.items()
        }

    def document(self, subject: str, version: int) -> str:
        """The self-contained document of a version, as a registry takes it."""
        return self.sources[subject].schemas[version].document

    def fingerprint(self, name: str) -> str:
        """SHA-256 of what a migration's plan was made from: schemas and hops up to its target, and its settings.

        In it is what somebody approves: gates, limits, groups, the archive and how long a verification and an approval
        count. Loosening one of them asks for a new plan. Left out is what changes neither the output nor a promise, so
        that it can be set while the migration runs and no verification is lost by it: ``batch``,
        ``rollout.caught_up_lag`` (the barrier drains whatever is left) and ``rollout.barrier`` (a switch that takes
        longer is reverted). Environments are left out, with whom they notify and which rehearsal they ask for: a plan
        is the same in all of them. Versions above the target are left out, so that the next one can be written
        meanwhile. Secrets are never in it: references are hashed as they are written.
        """
        return hashlib.sha256(json.dumps(self._content(name), sort_keys=True).encode()).hexdigest()

    def parts(self, name: str) -> Parts:
        """What the fingerprint is made of, piece by piece, to say what changed when it did."""
        return Parts.of(self._content(name))

    def _content(self, name: str) -> dict[str, Any]:
        migration = self.settings.migrations[name]
        schemas, hops = self.checksums(migration)
        return {
            "schemas": {f"{subject}/{label(version)}": each for (subject, version), each in schemas.items()},
            "hops": {f"{subject}/{hop}": each for (subject, hop), each in hops.items()},
            "settings": migration.model_dump(mode="python", exclude=NOT_FINGERPRINTED),
        }

    def checksums(self, migration: Migration) -> tuple[dict[VersionKey, str], dict[HopKey, str]]:
        """The fingerprints of all schemas and the checksums of all hops that a migration's records can meet."""
        schemas: dict[VersionKey, str] = {}
        hops: dict[HopKey, str] = {}
        top = migration.target.version
        for subject in migration.subjects:
            source = self.sources[subject]
            schemas |= {(subject, v): each.schema.fingerprint for v, each in source.schemas.items() if v <= top}
            hops |= {
                (subject, each.hop.name): each.checksum for each in source.hops.values() if each.hop.to_version <= top
            }
        return schemas, hops

    def record_applied(self, name: str) -> Lock:
        """Write into instar.lock that records have met this migration's schemas and hops.

        From then on an edit of one of them is an error. Raises ``lock.LockBroken`` and OSError.
        """
        schemas, hops = self.checksums(self.settings.migrations[name])
        return lock_file.update(self.root, lambda lock: lock.with_applied(schemas, hops))


def load_project(root: Path, environment: str | None = None) -> Project:
    """Read a project. What its author got wrong is in ``findings``; nothing of it is raised.

    ``environment`` names one of the settings' environments; without it ``local`` or the only one there is. Raises
    ``settings.NoSuchEnvironment``, since that is the caller's choice and not the project's fault.
    """
    root = root.resolve()
    read = read_settings(root)
    findings: list[Finding] = []
    if isinstance(read, list):
        findings += read
        file = SettingsFile(Settings(format=1), "instar.toml")
        environment_name, chosen = environment or "local", Environment()
    else:
        file = read
        findings += written_secrets(file)
        environment_name, chosen = choose_environment(file.settings, environment)
    catalogue = read_catalogue(root)
    findings += catalogue.findings
    lock = read_lock(root)
    if isinstance(lock, list):
        findings += lock
        lock = Lock()
    findings += cross_check(file, catalogue.catalogue, catalogue.sources)
    findings += edited(lock, catalogue.sources)
    return Project(
        root=root,
        settings=file.settings,
        environment_name=environment_name,
        environment=chosen,
        catalogue=catalogue.catalogue,
        lock=lock,
        findings=tuple(findings),
        sources=catalogue.sources,
    )
