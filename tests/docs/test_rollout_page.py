"""The page about rollouts says what the table says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_rollout", DOCS / "make_rollout.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_not_stale(generator: ModuleType) -> None:
    written = (DOCS / "rollout.md").read_text(encoding="utf-8")
    assert generator.page(written) == written, "run .venv/bin/python docs/make_rollout.py"


def test_the_diagram_has_every_phase_and_the_transitions_of_the_design(generator: ModuleType) -> None:
    drawn = generator.diagram()
    for arrow in (
        "draft --> expanded: apply",
        "expanded --> replaying: a bridge works",
        "replaying --> caught_up: lag is small everywhere",
        "caught_up --> verified: fresh and right",
        "verified --> switched: switch",
        "switched --> verified: rollback",
        "switched --> retired: retire",
        "verified --> abandoned: abandon",
        "caught_up --> replaying: lag is not small",
    ):
        assert arrow in drawn
    assert "switched --> abandoned" not in drawn
