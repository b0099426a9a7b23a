from pathlib import Path

from tests.support.command import instar
from tests.support.folders import PEOPLE, write_files

from instar.project.lock import NAME, Lock, read_lock, update
from instar.project.project import load_project
from instar.project.replan import edits


def applied(root: Path) -> Path:
    """A project whose versions and hops records have met."""
    write_files(root, PEOPLE)
    source = load_project(root).sources["people"]
    schemas = {("people", version): each.schema.fingerprint for version, each in source.schemas.items()}
    hops = {("people", each.hop.name): each.checksum for each in source.hops.values()}
    update(root, lambda lock: lock.with_applied(schemas, hops))
    return root


def test_an_edit_fails_check_until_it_is_planned_anew_with_a_reason(tmp_path: Path) -> None:
    root = applied(tmp_path)
    assert instar("check", at=root).code == 0
    write_files(root, {"upcasters/people/helper.py": '# Only a comment.\nKIND = "person"\n'})
    ran = instar("check", "-o", "json", at=root)
    assert ran.code == 1
    (error,) = [row for row in ran.json if row["severity"] == "error"]
    assert error["code"] == "hop-edited"
    assert "instar lock replan people" in error["remedy"]
    shown = instar("lock", "replan", "people", at=root)
    assert shown.code == 3
    assert "people/v2_to_v3" in shown.out
    assert instar("lock", "replan", "people", "--execute", at=root).code == 2
    assert instar("check", at=root).code == 1
    done = instar(
        "lock", "replan", "people", "--execute", "--by", "Ada", "--reason", 'a "comment"\n was added', at=root
    )
    assert done.code == 0
    assert instar("check", at=root).code == 0
    lock = read_lock(root)
    assert isinstance(lock, Lock)
    assert lock.replanned["people/v2_to_v3"].endswith('Ada: a "comment" was added')
    assert set(lock.replanned) == {"people/v2_to_v3"}


def test_nothing_is_planned_anew_where_nothing_changed(tmp_path: Path) -> None:
    root = applied(tmp_path)
    before = (root / NAME).read_text()
    assert instar("lock", "replan", "people", "--execute", "--reason", "why", at=root).code == 0
    assert (root / NAME).read_text() == before


def test_adding_a_version_needs_no_change_of_the_lock(tmp_path: Path) -> None:
    root = applied(tmp_path)
    before = (root / NAME).read_text()
    write_files(
        root,
        {"schemas/people/v4.json": PEOPLE["schemas/people/v3.json"], "upcasters/people/v3_to_v4.py": "changes = []\n"},
    )
    assert instar("check", at=root).code == 0
    assert (root / NAME).read_text() == before


def test_what_cannot_be_read_is_not_taken_for_edited_or_gone(tmp_path: Path) -> None:
    root = applied(tmp_path)
    write_files(root, {"schemas/people/v1.json": "{"})
    project = load_project(root)
    assert [each.entry for each in edits(project.lock, project.sources["people"])] == []
    write_files(
        root, {"schemas/people/v1.json": PEOPLE["schemas/people/v1.json"], "upcasters/people/helper.py": "KIND = ("}
    )
    assert instar("lock", "replan", "people", "--execute", "--reason", "why", at=root).code == 1
