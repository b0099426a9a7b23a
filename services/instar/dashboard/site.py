"""What every endpoint and page is given: the project, the cluster, who may come in and what was done."""

import os
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from instar.dashboard.audit import Audit
from instar.dashboard.callers import Caller, Door, Role
from instar.dashboard.cluster import Connection
from instar.dashboard.idempotency import Once
from instar.dashboard.moves import Moves
from instar.dashboard.sessions import KeptSessions
from instar.dashboard.store import Store
from instar.dashboard.tails import Tails
from instar.dashboard.watcher import Watcher
from instar.operations.failure import Failure
from instar.project.late import Unresolved
from instar.project.project import Project


@dataclass(slots=True)
class Site:
    """One served project. It is read once; a changed project is served after a restart.

    Without a ``store`` sessions, keys and audit are this process's own.
    """

    project: Project
    connection: Connection
    watcher: Watcher
    door: Door
    audit: Audit = field(default_factory=Audit)
    once: Once = field(default_factory=Once)
    moves: Moves = field(default_factory=Moves)
    store: Store | None = None
    tails: Tails = field(default_factory=Tails)


def open_site(project: Project, bootstrap: str | None = None) -> Site:
    """Raises ``Failure`` where a token cannot be resolved."""
    try:
        tokens = project.serve.callers(os.environ, project.root)
    except Unresolved as problem:
        raise Failure(str(problem), problem.remedy) from problem
    connection, store = Connection(project, bootstrap), Store(project)
    return Site(
        project,
        connection,
        Watcher(project, connection),
        Door(tokens, KeptSessions(store)),
        Audit(store),
        Once(store),
        store=store,
    )


def site_of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


def _viewer(request: Request) -> Caller:
    return site_of(request).door.require(request, Role.VIEWER)


def _operator(request: Request) -> Caller:
    return site_of(request).door.require(request, Role.OPERATOR)


def _approver(request: Request) -> Caller:
    return site_of(request).door.require(request, Role.APPROVER)


OfSite = Annotated[Site, Depends(site_of)]
Viewer = Annotated[Caller, Depends(_viewer)]
Operator = Annotated[Caller, Depends(_operator)]
Approver = Annotated[Caller, Depends(_approver)]
