"""Which directions are meant where nobody names one: those of the settings, and those that the rollout runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from tests.support.projects import Shop, write_shop

from instar.backfill.control import Control
from instar.core.control import Asked
from instar.core.provenance import Direction
from instar.core.rollout.control_messages import BridgeMessage, key_of, value_of
from instar.dashboard.cluster import Connection
from instar.dashboard.watcher import Watcher
from instar.kafka.built_in import BuiltInBroker
from instar.operations.steering import Steered, steering
from instar.project.project import Project, load_project

ASKED = Asked("ada@home", 1_750_000_000_000, "the disk is full")


@dataclass(frozen=True, slots=True)
class Steering:
    """A migration of whose producers the settings say "old", with a reverse bridge."""

    shop: Shop
    project: Project

    @property
    def name(self) -> str:
        return self.shop.migration

    def rollout_says(self, order: Literal["run", "stop"]) -> None:
        """What a switch (run) or retiring (stop) writes for the way back."""
        message = BridgeMessage("down", order, 1, 1_750_000_000_000)
        Control(self.shop.cluster).write({key_of(self.name, message): value_of(message)})

    def steered(self, asked: tuple[Direction, ...] | None = None) -> Steered:
        return steering(self.project, self.name, asked, self.shop.kafka)

    def paused(self) -> dict[str, bool]:
        control = Control(self.shop.cluster)
        return {side: control.orders(self.name, side).pause is not None for side in ("up", "down")}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Steering]:
    with BuiltInBroker() as broker:
        kafka = {"bootstrap.servers": broker.bootstrap}
        shop = write_shop(tmp_path, "parcels-v3", kafka, topics={"old": {}, "new": {}})
        yield Steering(shop, load_project(tmp_path))


def test_before_a_switch_only_the_way_up_is_meant(at: Steering) -> None:
    at.steered().pause(ASKED)
    assert at.paused() == {"up": True, "down": False}


def test_a_pause_after_a_switch_stops_the_way_back_too(at: Steering) -> None:
    at.rollout_says("run")
    at.steered().pause(ASKED)
    assert at.paused() == {"up": True, "down": True}
    assert at.steered().resume() == ("up", "down")
    assert at.paused() == {"up": False, "down": False}


def test_once_the_rollout_has_stopped_the_way_back_it_is_not_meant(at: Steering) -> None:
    at.rollout_says("run")
    at.rollout_says("stop")
    assert at.steered().directions == ("up",)


def test_a_direction_that_is_named_is_the_only_one_that_is_meant(at: Steering) -> None:
    at.rollout_says("run")
    assert at.steered(("up",)).directions == ("up",)


def test_the_pages_show_the_way_back_from_the_switch_until_it_is_stopped(at: Steering) -> None:
    watcher = Watcher(at.project, Connection(at.project))

    def shown() -> list[str]:
        return [status.direction for status in watcher.look().migrations[at.name].statuses]

    assert shown() == ["up"]
    at.rollout_says("run")
    assert shown() == ["up", "down"]
    at.rollout_says("stop")
    assert shown() == ["up"]
