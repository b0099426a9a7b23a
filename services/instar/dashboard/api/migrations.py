"""Migrations: how far they are, and steering them."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from instar.dashboard import actions
from instar.dashboard.actions import Directions
from instar.dashboard.api.changing import Key, once
from instar.dashboard.api.document import KAFKA, Asked, Cursor, Document, Limit, MigrationName, Page, problems
from instar.dashboard.paging import DEFAULT_LIMIT, page
from instar.dashboard.site import OfSite, Operator, Site, Viewer
from instar.operations.scope import migration_of
from instar.operations.steering import steering

router = APIRouter(prefix="/migrations", tags=["migrations"])


class Which(Asked):
    """Which bridges are meant; both that the migration's ``producers`` need, where none is named."""

    direction: Literal["up", "down"] | None = None

    @property
    def sides(self) -> Directions:
        return None if self.direction is None else (self.direction,)


class Pause(Which):
    why: str = Field(default="", max_length=500)


class NewRate(Pause):
    rate: str = Field(max_length=100, examples=["5000/s", "20MB/s", "unlimited", "default"])


@router.get("", response_model=Page, responses=problems())
def list_migrations(site: OfSite, _: Viewer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Document:
    """The settings' migrations, by name, as last seen."""
    seen = site.watcher.seen
    items = []
    for name in sorted(site.project.settings.migrations):
        look = seen.migrations.get(name)
        statuses = [] if look is None else [_short(status.as_dict()) for status in look.statuses]
        trouble = seen.trouble if look is None else look.trouble
        items.append(_settings(site, name) | {"statuses": statuses, "trouble": trouble})
    return Document(page(items, limit, cursor))


@router.get("/{migration}", responses=problems(*KAFKA))
def one_migration(site: OfSite, _: Viewer, migration: MigrationName) -> Document:
    """A migration with the state of each direction and partition, read from Kafka now."""
    migration_of(site.project, migration)
    state = steering(site.project, migration, None, site.connection.settings(), site.connection.cluster())
    statuses = [status.as_dict() for status in state.look(state.progress())]
    return Document(_settings(site, migration) | {"statuses": statuses})


@router.post("/{migration}/pause", responses=problems(*KAFKA))
def pause(
    site: OfSite, caller: Operator, migration: MigrationName, asked: Pause, key: Key, request: Request
) -> Document:
    """Stop everybody who carries this migration's records, wherever they run, until resumed."""
    return once(
        site, caller, key, request, asked, lambda: actions.pause(site, caller, migration, asked.sides, asked.why)
    )


@router.post("/{migration}/resume", responses=problems(*KAFKA))
def resume(
    site: OfSite, caller: Operator, migration: MigrationName, asked: Which, key: Key, request: Request
) -> Document:
    """Take a pause back."""
    return once(site, caller, key, request, asked, lambda: actions.resume(site, caller, migration, asked.sides))


@router.post("/{migration}/rate", responses=problems(*KAFKA))
def rate(
    site: OfSite, caller: Operator, migration: MigrationName, asked: NewRate, key: Key, request: Request
) -> Document:
    """Set how fast records may be carried, by all workers of a direction together."""
    return once(
        site,
        caller,
        key,
        request,
        asked,
        lambda: actions.set_rate(site, caller, migration, asked.sides, asked.rate, asked.why),
    )


def _settings(site: Site, name: str) -> dict[str, Any]:
    migration = site.project.settings.migrations[name]
    return {
        "name": name,
        "subjects": list(migration.subjects),
        "source": migration.source.topic,
        "target": migration.target.topic,
        "version": f"v{migration.target.version}",
        "reverse": f"v{migration.reverse.version}" if migration.reverse else None,
        "producers": migration.producers,
        "mode": migration.mode,
        "dead_letters": migration.dead_letter_topic,
        "errors": len(site.project.errors_of(name)),
    }


def _short(status: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in status.items() if key != "partitions"}
