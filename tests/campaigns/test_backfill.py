"""A long backfill under fire: workers killed at random failpoints, stopped past their poll interval, the broker killed.

Two `instar backfill` commands, as on two machines, carry the orders. Each life of each ends at a random failpoint, and
between these deaths one stands still until the group has gone on without it, or the broker is killed and started again.
Every fault is written down with the time until each partition that was not done had moved on.

Sizes: ``INSTAR_CAMPAIGN_ORDERS``, ``INSTAR_CAMPAIGN_KILLS``, ``INSTAR_CAMPAIGN_STOPS`` (so many stops, so many broker
restarts). The report goes to ``INSTAR_CAMPAIGN_REPORT``, by default ``.cache/backfill-campaign.json``.
"""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest
from tests.support.projects import REPOSITORY, Shop, order_events, produce, write_orders
from tests.support.workers import (
    WorkerProcess,
    caught_up,
    committed_offsets,
    members,
    run_until_now,
    until,
    verified,
    worker,
)

from instar.cli.exits import TERMINATED
from instar.kafka.errors import KafkaTrouble
from instar.kafka.failpoints import NAMES
from instar.kafka.scan import scan
from realkafka import KafkaServer

SEED = 31
PARTITIONS = 8
ORDERS = int(os.environ.get("INSTAR_CAMPAIGN_ORDERS", "1000000"))
KILLS = int(os.environ.get("INSTAR_CAMPAIGN_KILLS", "50"))
STOPS = int(os.environ.get("INSTAR_CAMPAIGN_STOPS", "5"))
REPORT = Path(os.environ.get("INSTAR_CAMPAIGN_REPORT", REPOSITORY / ".cache" / "backfill-campaign.json"))
CLIENT = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 500, "max.poll.interval.ms": 6_000}
# A life ends at one of these; the others happen by themselves when a member is missed.
PLACES = tuple(name for name in NAMES if name not in ("revoked", "lost", "abort"))
HITS_AT_MOST = 6
RECOVERY_LIMIT_S = 240.0


@dataclass(slots=True)
class Fault:
    """One fault, where the group stood then, and when every partition that was not done had moved on."""

    kind: str
    at_s: float
    stood: dict[int, int]
    detail: dict[str, Any]
    recovered_s: float | None = None


@dataclass(slots=True)
class Fire:
    """Two backfills that are started again whenever they die, and the faults that were done to them."""

    shop: Shop
    stack: ExitStack
    random: Random
    kills: int
    ends: dict[int, int]
    faults: list[Fault] = field(default_factory=list)
    lives: dict[int, WorkerProcess] = field(default_factory=dict)
    unarmed: set[int] = field(default_factory=set)  # lives that no failpoint ends
    at_peace: bool = False
    began_s: float = field(default_factory=time.monotonic)

    @property
    def killed(self) -> int:
        return sum(fault.kind == "kill" for fault in self.faults)

    @property
    def open(self) -> list[Fault]:
        return [fault for fault in self.faults if fault.recovered_s is None]

    def start(self, slot: int) -> None:
        place = self.random.choice(PLACES)
        hit = 1 if place == "assigned" else self.random.randint(1, HITS_AT_MOST)
        armed = self.killed + sum(process.running for process in self.lives.values()) < self.kills
        failpoint = f"{place}=kill@{hit}" if armed and not self.at_peace else ""
        self.unarmed.discard(slot)
        if self.at_peace:
            self.unarmed.add(slot)
        options = ("--instance", f"machine-{slot}", "--direction", "up")
        life = worker(self.shop, *options, failpoint=failpoint, verb="backfill")
        self.lives[slot] = self.stack.enter_context(life)

    def look(self) -> None:
        """Write down who died, start it again, and note which faults are over. Only a kill of ours ends a backfill."""
        stands = self.stands()
        for fault in self.open:
            behind = [p for p, offset in fault.stood.items() if offset < self.ends[p] and stands.get(p, 0) <= offset]
            if not behind:
                fault.recovered_s = self.now_s() - fault.at_s
            assert self.now_s() - fault.at_s < RECOVERY_LIMIT_S, f"no recovery from {fault}"
        for slot, process in list(self.lives.items()):
            if process.running:
                continue
            ended = process.ended()
            if ended.code == TERMINATED and slot in self.unarmed and not self.at_peace:
                self.start(slot)  # it was asked to make room for a life that a failpoint ends
                continue
            if ended.code != 0:
                assert ended.code == -signal.SIGKILL, ended.stderr
                (hit,) = process.hits
                self.note("kill", failpoint=hit["failpoint"], in_transaction=hit["in_transaction"])
            if ended.code != 0 or not caught_up(self.shop):
                self.start(slot)

    def note(self, kind: str, **detail: Any) -> None:
        self.faults.append(Fault(kind, self.now_s(), self.stands(), detail))

    def stands(self) -> dict[int, int]:
        return until("the broker answers", lambda: answered(lambda: committed_offsets(self.shop)), RECOVERY_LIMIT_S)

    def now_s(self) -> float:
        return time.monotonic() - self.began_s

    def stand_still(self) -> None:
        """One of the two is stopped, and goes on only when the group has gone on without it.

        Lives that end at a failpoint may be too short to see both in the group, so this is done to longer ones.
        """
        slot = self.random.choice(sorted(self.lives))
        self.at_peace = True
        until("both are members", self.both_members, RECOVERY_LIMIT_S)
        process = self.lives[slot]
        self.note("stop", machine=slot)
        process.signal(signal.SIGSTOP)
        name = f"{self.shop.group()}.machine-{slot}-0"
        until("the group misses its member", lambda: name not in members(self.shop))
        process.signal(signal.SIGCONT)

    def both_members(self) -> bool:
        self.look()
        return len(members(self.shop)) == len(self.lives)

    def rearm(self) -> None:
        """Let those go that no failpoint ends: `look` starts others in their place."""
        self.at_peace = False
        for slot in sorted(self.unarmed):
            self.lives[slot].signal(signal.SIGTERM)

    def restart(self, server: KafkaServer) -> None:
        self.note("broker killed")
        server.kill()
        server.start()
        self.faults[-1].detail["down_s"] = round(self.now_s() - self.faults[-1].at_s, 1)

    def killed_often(self, times: int) -> bool:
        """Have there been so many kills? Fails where nothing is left that a kill could interrupt."""
        self.look()
        often = self.killed >= times
        assert often or self.open or not caught_up(self.shop), f"{self.killed} kills, and no order is left"
        return often

    def calm(self) -> bool:
        """Is every fault over?"""
        self.look()
        return not self.open


def answered(ask: Callable[[], Any]) -> Any:
    """The answer, or None while the broker does not give one."""
    try:
        return ask()
    except KafkaTrouble:
        return None


def count_of_each(shop: Shop, orders: int) -> list[int]:
    """How many orders are in the new topic or among the dead letters 0, 1, 2 and 3 times: counted, not compared."""
    seen = bytearray(orders)
    for topic in (shop.new, shop.letters):
        partitions = range(shop.partitions)
        starts, ends = shop.cluster.start_offsets(topic, partitions), shop.cluster.end_offsets(topic, partitions)
        for record in scan(shop.kafka, topic, starts, ends, committed=True, silence_timeout_s=60):
            seen[int(dict(record.headers)["trace"] or b"")] += 1
    return [seen.count(times) for times in range(4)]


def written(fire: Fire, **figures: Any) -> dict[str, Any]:
    """The report, on disk."""
    recoveries = {
        kind: [fault.recovered_s for fault in fire.faults if fault.kind == kind and fault.recovered_s is not None]
        for kind in ("kill", "stop", "broker killed")
    }
    report = {
        **figures,
        "recovery_s": {
            kind: {"faults": len(times), "median": round(median(times), 1), "longest": round(max(times), 1)}
            for kind, times in recoveries.items()
            if times
        },
        "places": dict(Counter(fault.detail["failpoint"] for fault in fire.faults if fault.kind == "kill")),
        "faults": [
            {
                "kind": fault.kind,
                **fault.detail,
                "at_s": round(fault.at_s, 1),
                "recovery_s": round(fault.recovered_s or 0.0, 1),
            }
            for fault in fire.faults
        ],
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def campaign(own_kafka: Callable[..., KafkaServer], folder: Path, orders: int, kills: int, stops: int) -> None:
    server = own_kafka()
    shop = write_orders(
        folder / "project",
        "backfill",
        {**server.client_config(), **CLIENT},
        partitions=PARTITIONS,
        batch=f"{{ max_records = {max(20, min(500, orders // (kills * 40)))}, max_wait_ms = 50 }}",
    )
    run_until_now(shop)  # gives the versions their ids
    assert produce(shop.kafka, shop.old, (one for _, one in order_events(shop, orders))) == orders
    ends = shop.cluster.end_offsets(shop.old, range(PARTITIONS))
    kinds = ["stop", "broker"] * stops
    with ExitStack() as stack:
        fire = Fire(shop, stack, Random(SEED), kills, ends)
        for slot in (0, 1):
            fire.start(slot)
        for turn, kind in enumerate(kinds, 1):
            share = kills * turn // (len(kinds) + 1)
            until(f"{share} kills", lambda share=share: fire.killed_often(share), 1_200)  # type: ignore[misc]
            if kind == "stop":
                fire.stand_still()
            else:
                fire.restart(server)
            until("all goes on", fire.calm, RECOVERY_LIMIT_S)
            fire.rearm()
            assert not caught_up(shop), "everything was carried before the last fault: more orders are needed"
        until("every kill has happened", lambda: fire.killed_often(kills), 1_200)
        until("all is carried", lambda: fire.calm() and caught_up(shop), 3_600)
        seconds = fire.now_s()
        for process in fire.lives.values():
            until("the backfill ends", lambda process=process: not process.running, 120)  # type: ignore[misc]
            assert process.ended().code == 0, process.stderr
    result = verified(shop)
    counted = count_of_each(shop, orders)
    report = written(fire, orders=orders, partitions=PARTITIONS, seconds=round(seconds), verify=result.as_dict())
    print(f"\ncampaign backfill: {json.dumps({name: value for name, value in report.items() if name != 'faults'})}")
    assert result.read == orders
    assert counted == [0, orders, 0, 0], f"orders that are there 0, 1, 2, 3 times: {counted}"
    assert Counter(fault.kind for fault in fire.faults) == {"kill": kills, "stop": stops, "broker killed": stops}


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_a_backfill_under_fire_loses_doubles_and_reorders_nothing(
    own_kafka: Callable[..., KafkaServer], tmp_path: Path
) -> None:
    campaign(own_kafka, tmp_path, ORDERS, KILLS, STOPS)
