"""A server that is killed in the middle of a request, and of a move: the same key is answered rightly afterwards."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.kept import StateKept
from tests.support.projects import QUICK_SESSION, Shop, event, produce, write_shop
from tests.support.rolled_out import rollout, verify, way_back
from tests.support.serving import TOKENS, token_settings
from tests.support.states import StateLab
from tests.support.workers import SERVICES, until, worker

from instar.core.rollout.effect import CloseEpoch, DrainBridge
from instar.core.rollout.phase import Phase
from instar.core.rollout.telling import effect_told
from instar.operations.stating import state_of
from instar.project.project import load_project
from instar.state.idempotency import LEASE_MS
from instar.state.leases import TTL_MS
from instar.state.wanted import Wanted
from realkafka.pytest_plugin import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

# Says that it was asked, and answers when it is allowed to: a gate that stands for anything slow.
GATE = """
import pathlib, time
pathlib.Path("asked").touch()
while not pathlib.Path("allowed").exists():
    time.sleep(0.05)
"""


@pytest.fixture
def shop(kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path) -> Shop:
    made = write_shop(tmp_path, topic_name("killed"), {**kafka.client_config(), **QUICK_SESSION})
    settings = made.root / "instar.toml"
    settings.write_text(settings.read_text() + token_settings())
    produce(made.kafka, made.old, [event(number, 1, number % 2) for number in range(20)])
    return made


@contextmanager
def served_by_process(shop: Shop) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """``instar serve`` as a process of its own, and the operator's program. It is killed when left."""
    with subprocess.Popen(
        [sys.executable, "-m", "instar", "serve", "--port", "0"],
        cwd=shop.root,
        env={**os.environ, "PYTHONPATH": str(SERVICES)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            found = None
            while found is None:
                line = process.stderr.readline()
                assert line, "it ended before it served"
                found = re.search(r"http://127\.0\.0\.1:\d+", line)
            threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would hold it up
            headers = {"Authorization": f"Bearer {TOKENS['operator']}"}
            with httpx.Client(base_url=found[0], headers=headers, timeout=60) as client:
                yield client, process
        finally:
            process.kill()


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL


def move(client: httpx.Client, shop: Shop, verb: str, key: str) -> httpx.Response:
    body = {"reason": "it is time", "execute": True}
    return client.post(f"/v1/migrations/{shop.migration}/{verb}", json=body, headers={"Idempotency-Key": key})


def standing(client: httpx.Client, shop: Shop) -> Any:
    return client.get(f"/v1/migrations/{shop.migration}/rollout").json()


def told(client: httpx.Client, what: str) -> list[tuple[str, str]]:
    items = client.get("/v1/audit", params={"what": what}).json()["items"]
    return [(item["what"], item["outcome"]) for item in items]


def done(shop: Shop, effect: type[object]) -> int:
    """How often the ledger says that such a step was done."""
    with state_of(load_project(shop.root)) as state:
        entries = state.ledger.page(Wanted(what="step done"), 1_000)
    name = re.sub("(?<!^)([A-Z])", r" \1", effect.__name__).lower()
    return sum(effect_told(entry).startswith(name) for entry in entries)


def test_a_request_that_was_at_work_is_held_for_its_lease_and_may_then_be_tried_again(shop: Shop) -> None:
    settings = shop.root / "instar.toml"
    (shop.root / "gate.py").write_text(GATE)
    command = f'command = {{ argv = ["{sys.executable}", "gate.py"] }}'
    gate = f'[[migrations.{shop.migration}.gates]]\nbefore = "apply"\nname = "slow"\n{command}\n'
    settings.write_text(settings.read_text() + gate)

    def asks() -> None:
        with pytest.raises(httpx.HTTPError):  # its server is killed
            move(client, shop, "apply", "k")

    with served_by_process(shop) as (client, process):
        asking = threading.Thread(target=asks)
        asking.start()
        until("the gate is asked", (shop.root / "asked").exists)
        killed(process)
        asking.join()
    with served_by_process(shop) as (client, _):
        answer = move(client, shop, "apply", "k")
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:instar:problem:in-progress"
        assert "Send it again under the same key" in answer.json()["remedy"]
        with state_of(load_project(shop.root)) as state:
            StateKept(state).pass_time(LEASE_MS)
        (shop.root / "allowed").touch()
        answer = move(client, shop, "apply", "k")
        assert (answer.status_code, answer.headers.get("idempotency-replayed")) == (202, None), answer.text
        until("it is applied", lambda: standing(client, shop)["phase"] == "expanded")
        assert move(client, shop, "apply", "k").headers["idempotency-replayed"] == "true"
        until("its end is told", lambda: told(client, "apply") == [("apply", "done")])


def test_a_move_that_was_killed_is_not_begun_twice_under_its_key_and_goes_on_under_another(shop: Shop) -> None:
    with served_by_process(shop) as (client, process):
        assert move(client, shop, "apply", "a").status_code == 202
        until("it is applied", lambda: standing(client, shop)["phase"] == "expanded")
        verify(shop)
        # Nobody carries this one, so that the switch waits for it with its epoch closed.
        produce(shop.kafka, shop.old, [event(99, 1, 0)])
        first = move(client, shop, "switch", "s")
        assert first.status_code == 202, first.text

        def drains() -> bool:
            underway = rollout(shop).underway
            return underway is not None and any(
                isinstance(step.effect, DrainBridge) and step.progress == "tried" for step in underway.steps
            )

        until("it waits for the bridge", drains)
        assert standing(client, shop)["underway"]["moved_by"]
        killed(process)

    with served_by_process(shop) as (client, process):
        again = move(client, shop, "switch", "s")
        assert (again.status_code, again.json()) == (202, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["location"] == first.headers["location"]
        assert told(client, "switch") == [("switch", "begun")]
        with state_of(load_project(shop.root)) as state:
            StateLab(state).pass_time(TTL_MS)  # of the dead one's right to move it
        broken_off = standing(client, shop)
        assert (broken_off["move"], broken_off["underway"]["transition"]) == (None, "switch")
        assert broken_off["underway"]["moved_by"] is None
        assert "goes on from where it is" in broken_off["underway"]["remedy"]

        with worker(shop), way_back(shop):

            def switched() -> bool:
                """What has to wait for a worker ends as waiting, and is given again."""
                found = standing(client, shop)
                if found["move"] is None or found["move"]["ended"] is not None:
                    if found["phase"] == "switched" and found["underway"] is None:
                        return True
                    keys.append(f"s{len(keys)}")
                    assert move(client, shop, "switch", keys[-1]).status_code == 202
                return False

            keys: list[str] = []
            until("it is switched", switched)
    now = rollout(shop)
    assert (now.phase, now.epoch, now.authority) == (Phase.SWITCHED, 1, "new")
    assert (done(shop, CloseEpoch), done(shop, DrainBridge)) == (1, 1)
