from pathlib import Path
from typing import Any

import pytest
from tests.support.folders import PEOPLE, json_object, write_files

from instar.core.finding import Finding
from instar.project.lock import Lock, read_lock
from instar.project.project import Project, load_project

SETTINGS = """
    format = 1
    [environments.local]
    kafka = { "bootstrap.servers" = "127.0.0.1:9092" }
    [environments.production]
    kafka = { "bootstrap.servers" = "env:KAFKA" }
    registry = { url = "http://registry:8081" }
    [migrations.people-v3]
    subjects = ["people"]
    source = { topic = "people" }
    target = { topic = "people.v3", version = "v3" }
    reverse = { version = "v1" }
    """


def load(root: Path, changes: dict[str, Any] | None = None, environment: str | None = None) -> Project:
    return load_project(write_files(root, {**PEOPLE, "instar.toml": SETTINGS, **(changes or {})}), environment)


def settings(old: str, new: str) -> dict[str, Any]:
    assert old in SETTINGS
    return {"instar.toml": SETTINGS.replace(old, new)}


def only(root: Path, changes: dict[str, Any]) -> Finding:
    findings = load(root, changes).findings
    assert len(findings) == 1, findings
    return findings[0]


def test_a_sound_project_has_no_findings(tmp_path: Path) -> None:
    project = load(tmp_path)
    assert project.findings == ()
    assert [subject.name for subject in project.subjects_of(project.settings.migrations["people-v3"])] == ["people"]


def test_ids_are_kept_by_environment_or_as_the_folder_s_own(tmp_path: Path) -> None:
    assert load(tmp_path).registry_name == "files"
    assert load(tmp_path, environment="production").registry_name == "production"


@pytest.mark.parametrize(
    ("old", "new", "says", "remedy"),
    [
        ('["people"]', '["poeple"]', "there is no subject poeple", "did you mean `people`?"),
        ('["people"]', '["people", "people"]', "people stands twice", "name it once"),
        ('version = "v3"', 'version = "v4"', "people has no v4", "people has v1, v2, v3"),
        ('reverse = { version = "v1"', 'reverse = { version = "v9"', "people has no v9", "people has v1, v2, v3"),
        ('topic = "people.v3"', 'topic = "people"', "no old topic is left", "remove it, or name another target"),
        (
            "reverse = {",
            'mode = "live-first"\nproducers = "both"\nreverse = {',
            "would overwrite each other",
            'write producers = "old", or mode = "ordered"',
        ),
        (
            "reverse = {",
            'mode = "segregated"\ndead_letters = "people.v3.history"\nreverse = {',
            "history would go to people.v3.history itself",
            "name another target, whose .history is free",
        ),
        ("reverse = {", 'dead_letters = "people"\nreverse = {', "would go to people itself", "set dead_letters"),
        ('reverse = { version = "v1" }', 'producers = "both"', "never reach the old one", "add reverse"),
        ('"people" }', '"people", framing = "none" }', "which version every record has", 'add version = "v1"'),
        ('"people" }', '"people", version = "v1" }', "already says each record's version", "remove it"),
        (
            '"people" }',
            '"people", framing = "none", version = "v2" }',
            "the old topic holds one version, v2",
            "write v2",
        ),
        ('{ "bootstrap.servers" = "127', '{ acks = "1", "bootstrap.servers" = "127', "set by instar itself", "remove"),
    ],
)
def test_settings_that_do_not_fit_together_are_found(
    tmp_path: Path, old: str, new: str, says: str, remedy: str
) -> None:
    findings = load(tmp_path, settings(old, new)).findings
    found = [finding for finding in findings if says in finding.message]
    assert len(found) == 1, findings
    assert remedy in found[0].remedy
    assert found[0].line is not None
    assert found[0].severity == "error"


RULES = "notify = { command = ['x'] }\nrequire_rehearsal = '7d'\n"


def test_every_setting_of_a_rollout_is_acted_on_so_that_none_is_a_finding(tmp_path: Path) -> None:
    rollout = """
    rollout = { caught_up_lag = 5, archive = 'old' }
    limits.lag = { above = 1, window = '5m', then = 'alert' }
    gates = [{ before = "switch", flyway = { database = "env:D", version = "7" } }]
    """
    for before, text in (("reverse = {", rollout), ("registry = {", RULES)):
        assert load(tmp_path, settings(before, text + before)).findings == ()


def test_two_migrations_must_not_write_one_topic(tmp_path: Path) -> None:
    text = SETTINGS + SETTINGS[SETTINGS.index("    [migrations") :].replace("people-v3", "again").lstrip(" ")
    finding = only(tmp_path, {"instar.toml": text})
    assert "the migration people-v3 writes people.v3 too" in finding.message


def test_several_subjects_need_a_framing_that_names_them(tmp_path: Path) -> None:
    other = {"schemas/others/v3.json": json_object({}), "schemas/others/v2.json": json_object({})}
    files = {**other, "schemas/others/v1.json": json_object({})}
    hops = {f"upcasters/others/{name}.py": PEOPLE["upcasters/people/v1_to_v2.py"] for name in ("v1_to_v2", "v2_to_v3")}
    both = SETTINGS.replace('["people"]', '["people", "others"]')
    for framing, says in (
        ('{ kind = "version-header" }', "add subject_header"),
        ('{ kind = "payload-field", field = "v" }', "add subject_field"),
        ('"none", version = "v1"', "name one subject"),
    ):
        text = both.replace('"people" }', f'"people", framing = {framing} }}')
        finding = only(tmp_path, {**files, **hops, "instar.toml": text})
        assert says in finding.remedy


def test_a_way_back_over_a_one_way_hop_is_refused(tmp_path: Path) -> None:
    one_way = "def upcast(record, context):\n    return {'full_name': record['name']}\n"
    finding = only(tmp_path, {"upcasters/people/v1_to_v2.py": one_way})
    assert "no way down from v3 to v1" in finding.message
    assert "give upcasters/people/v1_to_v2.py a way down" in finding.remedy


def test_a_broken_subject_does_not_stop_a_migration_of_another(tmp_path: Path) -> None:
    project = load(tmp_path, {"schemas/broken/v1.json": "{"})
    assert [finding.subject for finding in project.errors] == ["broken"]
    assert project.errors_of("people-v3") == ()
    assert project.errors_of("absent") == project.errors


def test_a_mistake_in_one_migration_does_not_stop_another(tmp_path: Path) -> None:
    second = SETTINGS[SETTINGS.index("    [migrations") :].replace("people-v3", "people-old").replace("people.v3", "x")
    text = SETTINGS + second.lstrip(" ").replace('version = "v3"', 'version = "v9"')
    project = load(tmp_path, {"instar.toml": text})
    assert project.errors_of("people-v3") == ()
    assert len(project.errors_of("people-old")) >= 1


class TestTheFingerprint:
    def of(self, root: Path, changes: dict[str, Any] | None = None) -> str:
        return load(root, changes).fingerprint("people-v3")

    def test_it_is_the_same_for_the_same_project(self, tmp_path: Path) -> None:
        assert self.of(tmp_path / "a") == self.of(tmp_path / "b")

    def test_white_space_of_a_schema_does_not_change_it(self, tmp_path: Path) -> None:
        assert self.of(tmp_path) == self.of(
            tmp_path,
            {
                "schemas/people/v1.json": '{"required": ["name"], "type": "object",\n\n'
                '"properties": {"name": {"type": "string"}}, "description": "x"}'
            },
        )

    @pytest.mark.parametrize(
        "changes",
        [
            {"schemas/people/v2.json": json_object({"full_name": {"type": "string", "minLength": 1}})},
            {"upcasters/people/helper.py": 'KIND = "person"  # edited\n'},
            settings('topic = "people.v3"', 'topic = "people.three"'),
            settings('reverse = { version = "v1" }', 'reverse = { version = "v2" }'),
            settings("reverse = {", "limits.lag = { above = 9, window = '5m', then = 'alert' }\nreverse = {"),
            settings("reverse = {", "rollout = { groups = [{ group = 'search' }] }\nreverse = {"),
            settings("reverse = {", "rollout = { archive = 'old' }\nreverse = {"),
            settings("reverse = {", "rollout = { verification_valid = '30d' }\nreverse = {"),
            settings("reverse = {", "rollout = { approval_valid = '30d' }\nreverse = {"),
        ],
    )
    def test_what_a_plan_was_made_from_changes_it(self, tmp_path: Path, changes: dict[str, Any]) -> None:
        assert self.of(tmp_path) != self.of(tmp_path, changes)

    def test_what_changes_no_output_and_no_promise_does_not_change_it(self, tmp_path: Path) -> None:
        before = self.of(tmp_path)
        assert before == self.of(tmp_path, settings("reverse = {", "batch = { max_records = 7 }\nreverse = {"))
        patience = "rollout = { caught_up_lag = 7, barrier = '5m' }"
        assert before == self.of(tmp_path, settings("reverse = {", f"{patience}\nreverse = {{"))
        assert before == self.of(tmp_path, settings("registry = {", RULES + "registry = {"))
        assert before == self.of(
            tmp_path,
            {
                "schemas/people/v4.json": json_object({"x": {}}),
                "upcasters/people/v3_to_v4.py": "def upcast(record, context):\n    return {'x': 1}\n",
            },
        )


class TestAnAppliedMigration:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        load(tmp_path).record_applied("people-v3")
        return tmp_path

    def test_its_schemas_and_hops_are_in_the_lock(self, root: Path) -> None:
        lock = read_lock(root)
        assert isinstance(lock, Lock)
        assert lock.schemas.keys() == {("people", 1), ("people", 2), ("people", 3)}
        assert lock.hops.keys() == {("people", "v1_to_v2"), ("people", "v2_to_v3")}
        assert load(root).findings == ()

    def test_an_edited_hop_is_found(self, root: Path) -> None:
        edited = PEOPLE["upcasters/people/v1_to_v2.py"] + "\n        # edited\n"
        finding = only(root, {"upcasters/people/v1_to_v2.py": edited})
        assert (finding.code, finding.file) == ("hop-edited", "upcasters/people/v1_to_v2.py")

    def test_an_edited_helper_is_found_at_its_hop(self, root: Path) -> None:
        finding = only(root, {"upcasters/people/helper.py": 'KIND = "person"\nX = 1\n'})
        assert (finding.code, finding.file) == ("hop-edited", "upcasters/people/v2_to_v3.py")
        assert "helper.py" in finding.message

    def test_an_edited_schema_is_found(self, root: Path) -> None:
        text = json_object({"full_name": {"type": "string", "maxLength": 9}})
        finding = only(root, {"schemas/people/v2.json": text})
        assert (finding.code, finding.file) == ("schema-edited", "schemas/people/v2.json")
        assert "add v3 instead" in finding.remedy

    def test_a_schema_that_is_gone_is_found(self, root: Path) -> None:
        (root / "schemas/people/v3.json").unlink()
        (root / "schemas/people/examples/ada.v3.json").unlink()
        codes = [finding.code for finding in load_project(root).findings]
        assert "schema-edited" in codes

    def test_applying_again_after_an_edit_does_not_hide_it(self, root: Path) -> None:
        load(root, {"upcasters/people/helper.py": 'KIND = "person"\nX = 1\n'}).record_applied("people-v3")
        assert [finding.code for finding in load_project(root).findings] == ["hop-edited"]


def test_a_broken_lock_is_a_finding(tmp_path: Path) -> None:
    assert only(tmp_path, {"instar.lock": "<<<<<<< HEAD\n"}).code == "lock-unreadable"
