"""``history`` shows what was done and by whom, and finds what somebody changed in it afterwards."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.command import instar
from tests.support.folders import write_files
from tests.support.projects import PARCELS_SETTINGS
from tests.support.states import tampered

from instar.core.rollout.storage import Noted
from instar.state.opening import open_state
from instar.state.tables import ledger

URL = "sqlite:///.instar/state.db"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_files(tmp_path, {"instar.toml": PARCELS_SETTINGS})
    with open_state(URL, "local", tmp_path) as state:
        for migration, action in (("parcels-v3", "apply"), ("bills-v2", "apply"), ("parcels-v3", "switch")):
            noted = Noted("ada@laptop", action, "a new format", "f" * 64, {"note": f"{action} begins", "steps": [1]})
            with state.rollouts.lease(migration, "ada") as lease:
                held = state.rollouts.held(migration)
                state.rollouts.write(migration, {}, noted, expected_revision=held.revision, lease=lease)
    return tmp_path


def test_it_tells_who_did_what_when_and_why(shop: Path) -> None:
    ran = instar("history", "parcels-v3", "-o", "json", at=shop)
    assert ran.code == 0
    assert [row["number"] for row in ran.json] == [1, 3]
    first = ran.json[0]
    assert (first["actor"], first["action"], first["reason"]) == ("ada@laptop", "apply", "a new format")
    assert (first["fingerprint"], first["details"]["steps"], first["revision"]) == ("f" * 64, [1], 1)
    table = instar("history", at=shop)
    assert all(word in table.out for word in ("ada@laptop", "switch", "bills-v2", "f" * 8))


def test_it_shows_the_newest_and_says_that_there_are_more(shop: Path) -> None:
    ran = instar("history", "--newest", 2, "-o", "ndjson", at=shop)
    assert [row["number"] for row in ran.lines] == [2, 3]
    assert "--all" in ran.err
    assert [row["number"] for row in instar("history", "--all", "-o", "ndjson", at=shop).lines] == [1, 2, 3]


def test_a_migration_without_history_has_none(shop: Path) -> None:
    ran = instar("history", "nobody", "-o", "json", at=shop)
    assert (ran.code, ran.json) == (0, [])
    assert "nothing about nobody yet" in ran.err


def test_an_untouched_history_is_sound_and_its_end_can_be_given_back(shop: Path) -> None:
    ran = instar("history", "--verify", at=shop)
    assert ran.code == 0
    assert "sound: 3 entries" in ran.out
    end = ran.out.split()[-1]
    assert instar("history", "--verify", "--anchor", end, at=shop).code == 0
    other = f"3:{'0' * 64}"
    ran = instar("history", "--verify", "--anchor", other, at=shop)
    assert ran.code == 3
    assert "broken at entry 3" in ran.out


def test_an_edited_entry_is_found_and_named(shop: Path) -> None:
    with open_state(URL, "local", shop) as state:
        tampered(state, sa.update(ledger).where(ledger.c.number == 2).values(actor="nobody@nowhere"))
    ran = instar("history", "--verify", at=shop)
    assert ran.code == 3
    assert "broken at entry 2 (bills-v2): its content was edited" in ran.out
    ran = instar("history", "--verify", "-o", "json", at=shop)
    assert ran.code == 3
    assert {key: ran.json[0][key] for key in ("sound", "entry", "migration")} == {
        "sound": False,
        "entry": 2,
        "migration": "bills-v2",
    }


@pytest.mark.parametrize("arguments", [("--anchor", f"1:{'0' * 64}"), ("--verify", "--anchor", "1:short")])
def test_an_anchor_that_is_none_is_a_mistake_of_the_command_line(shop: Path, arguments: tuple[str, ...]) -> None:
    assert instar("history", *arguments, at=shop).code == 2
