"""The table answers everything, and what it names exists."""

import pytest

from instar.core.rollout.effect import EFFECTS, FINAL_EFFECTS
from instar.core.rollout.event import Kind
from instar.core.rollout.guards import GUARDS
from instar.core.rollout.phase import BEFORE_SWITCH, FINAL, PLACES, Phase, Stage
from instar.core.rollout.refusals import REFUSALS, refuse
from instar.core.rollout.steps import STEPS
from instar.core.rollout.table import TABLE, TRANSITIONS, ByLimits, Do, Go, Move, No, Resume, Stay, TakeOver


def test_every_event_has_a_cell_in_every_place() -> None:
    assert set(TABLE) == set(Kind)
    assert all(tuple(row) == PLACES for row in TABLE.values())
    assert set(PLACES) == {*Phase, *Stage}


def test_what_cells_and_transitions_name_exists() -> None:
    for row in TABLE.values():
        for cell in row.values():
            match cell:
                case Go(transition):
                    assert transition in TRANSITIONS
                case No(code):
                    assert code in REFUSALS
                case Stay(why) | Move(_, why):
                    assert why
                case Resume() | TakeOver() | ByLimits() | Do():
                    pass
    assert set(STEPS) == set(TRANSITIONS)
    assert {guard for transition in TRANSITIONS.values() for guard in transition.guards} == set(GUARDS)


def test_a_retired_or_abandoned_migration_goes_nowhere() -> None:
    for row in TABLE.values():
        for phase in FINAL:
            assert isinstance(row[phase], Stay | No)


def test_authority_moves_only_from_verified_and_back_only_from_switched() -> None:
    begins = {
        (cell.transition, place)
        for row in TABLE.values()
        for place, cell in row.items()
        if isinstance(cell, Go) and TRANSITIONS[cell.transition].barrier
    }
    assert begins == {("switch", Phase.VERIFIED), ("rollback", Phase.SWITCHED)}
    assert {place for place, cell in TABLE[Kind.ROLLBACK].items() if isinstance(cell, TakeOver)} == {Stage.COMMITTED}
    assert {place for place, cell in TABLE[Kind.ABANDON].items() if isinstance(cell, Go)} == set(BEFORE_SWITCH)


def test_every_effect_says_how_it_is_undone_and_only_three_cannot_be() -> None:
    assert all(effect.REVERSE for effect in EFFECTS)
    assert {effect.__name__ for effect in EFFECTS if effect.FINAL} == {"WriteEpoch", "DeleteTopic", "Undo"}
    assert all(effect.REVERSE.startswith("none") == effect.FINAL for effect in EFFECTS)
    assert set(FINAL_EFFECTS) == {effect for effect in EFFECTS if effect.FINAL}


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_says_what_and_what_to_do(code: str) -> None:
    refused = refuse(code, "orders-v3", "switch", "ada")
    assert refused.message.endswith(".")
    assert refused.remedy.endswith(".")
    assert "{" not in refused.message + refused.remedy


def test_no_refusal_is_left_over() -> None:
    used = {cell.code for row in TABLE.values() for cell in row.values() if isinstance(cell, No)}
    asked = {"lesson-due", "plan-stale", "other-topics", "drifted", "waiver-unnamed", "gate-closed", "limit-breached"}
    asked |= {"no-approval", "approval-of-other", "approval-own", "approval-expired", "no-way-back", "readers-remain"}
    asked |= {
        "no-archive",
        "group-unmovable",
        "reason-missing",
        "lesson-empty",
        "in-doubt",
        "wrong-step",
        "another-transition",
    }
    assert set(REFUSALS) == used | asked | {"not-verified"}
