"""``instar plan`` on a real Kafka: what is pending, what is refused, what is lost, and the way back."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.support.command import Ran, instar
from tests.support.projects import QUICK_SESSION, Shop, parcels, produce, rewrite_settings, write_shop

from instar.backfill.control import Control
from realkafka.pytest_plugin import Kafka

MakeShop = Callable[..., Shop]


@pytest.fixture
def make_shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> MakeShop:
    def make(topics: Mapping[str, Mapping[str, str]] | None = None, **settings: str) -> Shop:
        shop = write_shop(
            tmp_path, topic_name("plan"), {**kafka.client_config(), **QUICK_SESSION}, topics=topics, **settings
        )
        Control(shop.cluster).ensure()  # the tests of a run share a cluster, and the first to come makes it
        return shop

    return make


def plan(shop: Shop, *arguments: object) -> Ran:
    return instar("plan", shop.migration, *arguments, at=shop.root)


def test_what_is_missing_is_pending_until_it_was_made(make_shop: MakeShop) -> None:
    shop = make_shop()
    produce(shop.kafka, shop.old, parcels(120, shop.partitions))
    first = plan(shop)
    assert first.code == 3, first.err
    assert f"+ topic {shop.new}" in first.out
    assert f"2 partitions, as {shop.old} has" in first.out
    assert "retention.ms = -1" in first.out
    assert f"+ topic {shop.letters}" in first.out
    assert f"+ group {shop.group()}" in first.out
    assert "Plan: 3 to create, 0 to change. Nothing has been done." in first.out
    assert shop.cluster.find(shop.new) is None
    assert instar("backfill", shop.migration, "--create", at=shop.root).code == 0
    second = plan(shop)
    assert second.code == 0, second.out
    assert f"= topic {shop.new}" in second.out
    assert "Nothing to do" in second.out


def test_a_plan_says_what_hops_do_and_lose_what_a_sample_became_and_the_way_back(make_shop: MakeShop) -> None:
    shop = make_shop(producers='"both"', reverse='{ version = "v1" }')
    produce(shop.kafka, shop.old, parcels(120, shop.partitions))
    shop.cluster.commit("billing-" + shop.migration, shop.old, {0: (10, "")})
    out = plan(shop).out
    assert "parcels v2_to_v3: transforming" in out
    assert "lost on the way back: channel" in out
    assert "parcels v1" in out
    assert "3 × hop-raised v1_to_v2" in out
    assert f"billing-{shop.migration}: 0 members, 50 behind" in out
    assert f"the reverse bridge writes {shop.old} at v1, without channel" in out
    assert f"group instar.{shop.migration}.down" in out
    assert "the cluster has no authorizer: everything is allowed" in out
    assert "parcels v1 → v3: reference, because it is not Avro" in out


def test_a_plan_is_a_document_too(make_shop: MakeShop) -> None:
    shop = make_shop()
    ran = plan(shop, "--out", shop.root / "plan.json", "-o", "json")
    assert ran.code == 3
    written = json.loads((shop.root / "plan.json").read_text())
    assert written == ran.json
    assert (written["format"], written["risk"], written["refused"], written["pending"]) == (1, "transforming", False, 3)
    assert len(written["fingerprint"]) == 64


@pytest.mark.parametrize(
    ("topics", "settings", "said"),
    [
        ({"new": {"message.timestamp.type": "LogAppendTime"}}, {}, "replaces the time of every record"),
        (
            {"old": {"cleanup.policy": "compact"}},
            {"producers": '"both"'},
            "the older of two values of a key could stay",
        ),
        ({}, {"mode": '"live-first"'}, "live-first needs compacted topics"),
        ({"letters": {"max.message.bytes": "1000"}}, {}, "takes no more than the source's"),
    ],
)
def test_what_cannot_go_well_is_refused(
    make_shop: MakeShop, topics: Mapping[str, Mapping[str, str]], settings: Mapping[str, str], said: str
) -> None:
    ran = plan(make_shop({"old": {}, **topics}, **settings))
    assert ran.code == 4, ran.out
    assert said in ran.out
    assert "Refused: 1 thing must be mended first." in ran.out


@pytest.mark.parametrize(
    ("topics", "said"),
    [
        ({"new": {"retention.ms": "3600000"}}, "deletes records older than"),
        ({"new": {"message.timestamp.before.max.ms": "3600000"}}, "refuses records older than"),
        ({"old": {"cleanup.policy": "compact", "delete.retention.ms": "1"}}, "it forgets deletes after"),
        ({"old": {"retention.ms": "1000000000000"}, "new": {}}, ""),
    ],
)
def test_what_may_go_wrong_is_said_and_not_refused(
    make_shop: MakeShop, topics: Mapping[str, Mapping[str, str]], said: str
) -> None:
    shop = make_shop({"old": {}, **topics})
    produce(shop.kafka, shop.old, (one for one in parcels(400, shop.partitions) if one.key))
    ran = plan(shop)
    assert ran.code == 3, ran.out
    assert said in ran.out
    assert ("careful" in ran.out) == bool(said)


def test_a_target_with_fewer_partitions_is_refused(make_shop: MakeShop, kafka: Kafka) -> None:
    shop = make_shop()
    shop.cluster.create(shop.new, 1, {})
    ran = plan(shop)
    assert ran.code == 4
    assert "has 1 partitions, the source 2" in ran.out


def test_another_plan_than_the_checkpoints_is_refused_naming_what_changed(make_shop: MakeShop) -> None:
    shop = make_shop()
    produce(shop.kafka, shop.old, parcels(40, shop.partitions))
    assert instar("backfill", shop.migration, "--create", at=shop.root).code == 0
    rewrite_settings(shop, on_error='"stop"')
    ran = plan(shop)
    assert ran.code == 4
    assert "setting on_error was dead-letter and is stop" in ran.out


def test_a_source_that_is_not_there_is_said_at_once(make_shop: MakeShop) -> None:
    shop = make_shop({})
    ran = plan(shop)
    assert ran.code == 1
    assert f"{shop.old}" in ran.err
