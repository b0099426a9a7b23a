"""Versions in a registry and words to people: what is particular to them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.support.effects import Trial, context, plan
from tests.support.folders import TEXT, json_object

from instar.core.formats.json_schema import parse_json
from instar.core.rollout.effect import Notify, RegisterSchema
from instar.core.subject import Subject
from instar.project.lock import Lock, LockIds, read_lock
from instar.registry.confluent import ConfluentRegistry
from instar.registry.files import FilesRegistry
from instar.registry.identify import Identity
from instar.registry.port import Document, Withdrawing
from instar.rollout.ports import Context
from instar.rollout.running.notices import Notices
from instar.rollout.running.schemas import Schemas, Version


def registering(registry: Withdrawing, folder: Path, subject: str, text: str, *names: str) -> Trial:
    family = Subject(subject, "json", {1: parse_json(json.loads(text))})
    identity = Identity(registry, LockIds(folder, "real", Lock()), [family])
    version = Version(Document("json", text), names)
    handler = Schemas(registry, identity, lambda _, number: version if number == 1 else None)
    facts = context(plan("old", "new"))
    return Trial(
        lambda _: handler, RegisterSchema(subject, 1), facts, lambda: registry.id_of(names[0], version.document)
    )


@pytest.mark.registry
def test_a_version_that_was_taken_back_is_still_read_by_its_id_and_stays_in_the_lock(
    registry_url: str, tmp_path: Path
) -> None:
    subject = f"people-{uuid4().hex[:8]}"
    registry = ConfluentRegistry({"url": registry_url})
    try:
        trial = registering(registry, tmp_path, subject, json.dumps(json_object({subject: TEXT})), f"{subject}-value")
        done = trial.begun().done()
        number = done.context.evidence["ids"][f"{subject}-value"]
        assert done.revert().evidence == {"withdrawn": [f"{subject}-value"]}
        assert trial.world() is None
        later = ConfluentRegistry({"url": registry_url})
        found = later.schema_of(number)
        later.close()
        assert found is not None
        lock = read_lock(tmp_path)
        assert isinstance(lock, Lock)
        assert lock.ids_of("real")[number] == (subject, 1)
        again = trial.begun().done()
        assert again.context.evidence["ids"] == {f"{subject}-value": number}
    finally:
        registry.close()


@pytest.mark.registry
def test_a_version_that_was_there_before_is_not_taken_back(registry_url: str, tmp_path: Path) -> None:
    subject = f"people-{uuid4().hex[:8]}"
    text = json.dumps(json_object({subject: TEXT}))
    registry = ConfluentRegistry({"url": registry_url})
    try:
        theirs = registry.register(f"{subject}.old-value", Document("json", text))
        trial = registering(registry, tmp_path, subject, text, f"{subject}.old-value", f"{subject}.new-value").begun()
        assert trial.context.before == {"ids": {f"{subject}.old-value": theirs, f"{subject}.new-value": None}}
        assert trial.done().revert().evidence == {"withdrawn": [f"{subject}.new-value"]}
        assert trial.world() == theirs
    finally:
        registry.close()


def test_the_folder_as_a_registry_keeps_an_id_that_records_may_carry(tmp_path: Path) -> None:
    text = json.dumps(json_object({"name": TEXT}))
    schema = {("people", 1): parse_json(json.loads(text))}
    registry = FilesRegistry(schema, {("people", 1): text}, LockIds(tmp_path, "files", Lock()))
    done = registering(registry, tmp_path, "people", text, "people").begun().done()
    assert done.revert().evidence == {"withdrawn": []}
    assert done.world() == done.context.evidence["ids"]["people"]


def test_a_version_that_the_project_has_no_more_is_named(tmp_path: Path) -> None:
    text = json.dumps(json_object({"name": TEXT}))
    registry = FilesRegistry({}, {}, LockIds(tmp_path, "files", Lock()))
    trial = registering(registry, tmp_path, "people", text, "people")
    gone = Trial(trial.making, RegisterSchema("people", 2), trial.context, trial.world).begun()
    outcome = gone.run()
    assert (outcome.kind, "people v2" in outcome.message) == ("failed", True)
    assert gone.revert().kind == "done"  # nothing was there, so nothing is to be taken back


class Reached:
    """Somebody, or nobody."""

    def __init__(self, *who: str) -> None:
        self.who = who
        self.messages: list[tuple[str, str, str]] = []

    def notify(self, message_id: str, subject: str, text: str, context: Context) -> Mapping[str, Any]:
        self.messages.append((message_id, subject, text))
        return {"reached": list(self.who)}


@pytest.mark.parametrize("who", [("webhook",), ()])
def test_a_step_that_is_run_again_says_the_same_under_the_same_id_and_is_done_whoever_is_reached(
    who: tuple[str, ...],
) -> None:
    people = Reached(*who)
    trial = Trial(lambda _: Notices(people), Notify("paused", "because"), context(plan("old", "new")), lambda: None)
    done = trial.begun().done().done()
    assert done.context.evidence == {"reached": list(who)}
    assert people.messages == [(trial.context.step_id, "paused", "because")] * 2
    assert done.revert().kind == "done"
    assert len(people.messages) == 2
