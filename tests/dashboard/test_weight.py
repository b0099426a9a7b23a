"""How heavy and how quick the first page is, as a browser gets it: with little to show, and with a large project."""

import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from tests.dashboard.conftest import just_seen
from tests.support.browsing import served_at
from tests.support.folders import TEXT, json_object, write_files
from tests.support.serving import TOKENS

from instar.core.retirement import Evidence, Group, Verdict, judge
from instar.core.rollout.phase import Phase
from instar.dashboard.site import Site, open_site
from instar.dashboard.watcher import MigrationSeen, Seen, Watcher
from instar.project.project import load_project
from instar.rollout.evidence import GroupsSeen

LIMIT_BYTES = 60_000
LIMIT_S = 0.1
ROUNDS, TIMES = 3, 20
FIRST_PAGE = ("/", "/static/style.css", "/static/live.js", "/static/icon.svg")
SUBJECTS, MOVED, GROUPS = 300, 150, 500
HOP = '''
"""A name is a title."""


def upcast(record, context):
    return {"title": record["name"]}


def downcast(record, context):
    return {"name": record["title"]}
'''


class Still(Watcher):
    """What it has seen stays what it is."""

    def look(self, *, thoroughly: bool = False) -> Seen:
        return self.seen


def still(site: Site, seen: Seen) -> Site:
    watcher = Still(site.project, site.connection)
    watcher.seen = seen
    site.watcher = watcher
    return site


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """300 subjects of two versions. One migration moves half of them, and 500 groups read its old topic."""
    names = [f"subject-{number:03}" for number in range(SUBJECTS)]
    files: dict[str, Any] = {
        "instar.toml": f"""
            format = 1
            [environments.local]
            kafka = {{ "bootstrap.servers" = "127.0.0.1:1" }}
            registry = {{ url = "files" }}
            [migrations.everything-v2]
            subjects = {names[:MOVED]}
            source = {{ topic = "everything", framing = {{ kind = "version-header", subject_header = "subject" }} }}
            target = {{ topic = "everything.v2", version = "v2" }}
            """
    }
    for name in names:
        files[f"schemas/{name}/v1.json"] = json_object({"name": TEXT})
        files[f"schemas/{name}/v2.json"] = json_object({"title": TEXT})
        files[f"schemas/{name}/subject.toml"] = 'owner = "accounting"\n'
        files[f"upcasters/{name}/v1_to_v2.py"] = HOP
    site = open_site(load_project(write_files(tmp_path_factory.mktemp("large"), files)))
    assert not site.project.errors
    now_s = time.time()
    groups = tuple(Group(f"group-{number:03}", 2, number * 10, owner="accounting") for number in range(GROUPS))
    reasons = judge(
        Evidence(Phase.SWITCHED, groups=groups),
        "orders",
        "v1",
        now_ms=round(now_s * 1000),
        today=datetime.now(UTC).date(),
    )
    seen = MigrationSeen(
        "everything-v2",
        groups={"everything": GroupsSeen(groups)},
        verdicts=tuple(Verdict(name, "v1", "everything-v2", "everything", reasons) for name in names[:MOVED]),
    )
    return still(site, Seen(1, now_s, migrations={seen.name: seen}))


def measured(site: Site, token: str | None) -> tuple[dict[str, int], float]:
    """The bytes of each part of the first page on the wire, and the best median time of the page in seconds."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with served_at(site) as address, httpx.Client(base_url=address, headers=headers) as client:
        weights = {path: _received(client, path) for path in FIRST_PAGE}
        # More than one, as the machine does other things as well.
        medians_s = [statistics.median(_took_s(client) for _ in range(TIMES)) for _ in range(ROUNDS)]
        return weights, min(medians_s)


def _received(client: httpx.Client, path: str) -> int:
    """Head and body, as they come: a browser takes gzip."""
    answer = client.get(path)
    assert answer.status_code == 200
    head = sum(len(name) + len(value) + 4 for name, value in answer.headers.raw)
    return head + answer.num_bytes_downloaded


def _took_s(client: httpx.Client) -> float:
    began_s = time.perf_counter()
    assert client.get("/").status_code == 200
    return time.perf_counter() - began_s


@pytest.mark.parametrize("which", ["the demonstration", f"{SUBJECTS} subjects, {GROUPS} groups"])
def test_the_first_page_is_light_and_quick(which: str, looked_at: Site, large: Site) -> None:
    if which == "the demonstration":
        site, token = still(replace(looked_at), just_seen(looked_at.watcher.seen)), TOKENS["viewer"]
    else:
        site, token = large, None
    weights, median_s = measured(site, token)
    parts = ", ".join(f"{path} {weight:,}" for path, weight in weights.items())
    whole = sum(weights.values())
    print(f"\n{which}: first page {whole:,} bytes on the wire ({parts}), median {median_s * 1000:.1f} ms")
    assert whole < LIMIT_BYTES
    assert median_s < LIMIT_S
