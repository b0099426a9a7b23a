"""The home page on a real Kafka with authorisation: from a yes, each reason alone makes a no and each missing source an
unknown, and the page says why, who can change it and what to do. `instar can-retire` says the same.

One migrated topic for all, and a server that looks at it: each flip changes one thing and puts it back.
"""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.browsing import served_at
from tests.support.command import instar
from tests.support.folders import write_files
from tests.support.projects import PARCELS, PARCELS_SETTINGS
from tests.support.retirable import (
    FLIPS,
    STATELESS,
    SUBJECT,
    UNANSWERED,
    VERSION,
    Flip,
    Stage,
    begun,
    command_answer,
    finish,
)
from tests.support.rolled_out import phase
from tests.support.workers import until

from instar.core.retirement import SOURCES
from instar.core.rollout.phase import Phase
from instar.dashboard.site import Site, open_site
from instar.dashboard.views.verdict import WORDS
from instar.project.project import load_project
from realkafka.availability import why_no_own_kafka
from realkafka.broker import KafkaServer

UNREACHABLE = 5
ANSWERS_WITHIN_S = 60.0
# What cannot be missing: it is read with the project, and a project that cannot be read is not served.
NEVER_MISSING = {"archive"}
UNTIL_SWITCHED = ("rollout", "no")  # in a test of its own: a switch is not taken back


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    reason = why_no_own_kafka()
    if reason is not None:
        pytest.skip(reason)
    server = KafkaServer(tmp_path_factory.mktemp("kafka"), authorizer=True)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def switching(server: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return begun(tmp_path_factory.mktemp("project"), server)


@pytest.fixture(scope="module")
def switched(switching: Stage) -> Stage:
    if phase(switching.shop) != Phase.SWITCHED.value:
        finish(switching)
    return switching


class Dashboard:
    """A server over HTTP, whose watcher looks at everything whenever it is asked to."""

    def __init__(self, site: Site, address: str) -> None:
        self._site = site
        self._address = address

    def verdict(self) -> Any:
        """The API's answer, after a look at everything; the home page says the same in words."""
        self._site.watcher.look(thoroughly=True)
        query = {"subject": SUBJECT, "version": VERSION}
        (verdict,) = httpx.get(f"{self._address}/v1/verdicts", params=query).raise_for_status().json()["items"]
        said = self._page()
        assert WORDS[verdict["answer"]] in said
        assert "shipping" in said  # whose subject it is
        for reason in verdict["reasons"]:
            for part in ("source", "reason", "remedy", "owner"):
                assert reason[part].replace("`", "") in said, (part, said)
            assert reason["remedy"]
        return verdict

    def _page(self) -> str:
        """What stands in the verdict's part of the home page, as text."""
        page = httpx.get(self._address + "/").raise_for_status().text
        part = re.search(rf'<section [^>]*aria-label="{SUBJECT} {VERSION}: .*?</section>', page, re.DOTALL)
        assert part is not None, page
        return " ".join(html.unescape(re.sub("<[^>]+>", "", part[0])).split())


@contextmanager
def dashboard(at: Stage) -> Iterator[Dashboard]:
    """A server over the project as it is now."""
    site = open_site(load_project(at.shop.root))
    with served_at(site) as address:
        yield Dashboard(site, address)


def says_yes(served: Dashboard) -> None:
    until("it says yes", lambda: served.verdict()["answer"] == "yes", ANSWERS_WITHIN_S)


def says(served: Dashboard, flip: Flip) -> None:
    """The reasons are those that are expected and no others."""
    wanted = dict.fromkeys(flip.because, flip.answer)

    def turned() -> Any:
        verdict = served.verdict()
        found = {each["source"]: each["answer"] for each in verdict["reasons"]}
        return verdict if (verdict["answer"], found) == (flip.answer, wanted) else None

    verdict = until(f"{flip.answer} for {sorted(wanted)}", turned, ANSWERS_WITHIN_S)
    for reason in verdict["reasons"]:
        assert flip.because[reason["source"]] in reason["reason"]
        assert flip.owner in reason["owner"]


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_until_it_has_switched_that_is_the_reason(switching: Stage) -> None:
    """The first of all, since the switch is not taken back."""
    with dashboard(switching) as served:
        says(served, Flip("no", {"rollout": "switch is in progress"}, lambda _: nullcontext()))
        finish(switching)
        says_yes(served)


@pytest.mark.parametrize("flip", FLIPS.values(), ids=FLIPS)
@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_one_thing_alone_turns_the_verdict_and_the_page_says_why(switched: Stage, flip: Flip) -> None:
    with flip.before(switched), dashboard(switched) as served:
        says_yes(served)
        with flip.staged(switched):
            if flip.reread:
                with dashboard(switched) as again:
                    says(again, flip)
            else:
                says(served, flip)
            if flip.because is not UNANSWERED:
                assert command_answer(switched.shop) == (flip.answer, dict.fromkeys(flip.because, flip.answer))
        if not flip.ages:
            says_yes(served)
    if flip.ages:
        with dashboard(switched) as served:
            says_yes(served)


def test_every_source_has_a_flip_of_its_own() -> None:
    """Of every reason one that stands alone, but for what the state store knows, which is missing as a whole, and for
    a record that nobody has carried, which somebody has written."""
    alone = {(source, flip.answer) for flip in FLIPS.values() for source in flip.because if len(flip.because) == 1}
    together = {("way back", "no"), UNTIL_SWITCHED, *((source, "unknown") for source in STATELESS)}
    wanted = {(source, "no") for source in SOURCES} | {
        (source, "unknown") for source in SOURCES if source not in NEVER_MISSING
    }
    staged = {(source, flip.answer) for flip in FLIPS.values() for source in flip.because}
    assert wanted - alone <= together
    assert wanted == staged | {UNTIL_SWITCHED}


def test_a_cluster_that_does_not_answer_at_all_gives_no_answer(tmp_path: Path) -> None:
    """The command ends; the page, which has more to show, says that it is unknown."""
    write_files(tmp_path, {**PARCELS, "instar.toml": PARCELS_SETTINGS})
    ran = instar("can-retire", SUBJECT, VERSION, at=tmp_path)
    assert (ran.code, ran.out) == (UNREACHABLE, "")
