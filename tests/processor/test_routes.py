"""A route is opened with the executor that was asked for, as far as it takes the program."""

from pathlib import Path

import pytest

from instar.core.bridge import Route
from instar.core.formats.framing import Named
from instar.core.formats.framing.version_header import VersionHeader
from instar.core.upcasting.spans.executor import ExecutorName, Spans
from instar.processor.routes import Routes
from instar.project.project import load_project
from instar.registry.files import FilesRegistry
from instar.registry.identify import Identity

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "version", "asked", "fast"),
    [
        ("orders", 3, "spans", True),
        ("orders", 3, "reference", False),
        ("github-member", 5, "spans", False),  # JSON
    ],
)
def test_the_fast_executor_runs_what_it_takes_unless_the_reference_was_asked_for(
    name: str, version: int, asked: ExecutorName, fast: bool
) -> None:
    project = load_project(ROOT)
    subject = project.catalogue[name]
    write = VersionHeader().writer(subject=name, version=version, schema_id=None)
    identity = Identity(FilesRegistry({}, {}, project.ids()), project.ids(), [subject])
    routes = Routes("up", version, {name: subject}, name, identity, {name: write}, carry_lost=True, executor=asked)
    route = routes.open(Named(1))
    assert isinstance(route, Route)
    assert isinstance(route.executor, Spans) == fast
    assert route.carrier is None or route.carrier.up == route.program
