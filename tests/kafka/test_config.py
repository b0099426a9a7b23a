"""Client settings: the user's pass through, what exactly-once rests on cannot be touched."""

from typing import Any

import pytest

from instar.kafka import config
from instar.kafka.errors import Refused

PLAIN = {"bootstrap.servers": "127.0.0.1:9092"}


@pytest.mark.parametrize(
    "name",
    [
        "enable.auto.commit",
        "auto.offset.reset",
        "isolation.level",
        "transactional.id",
        "group.id",
        "acks",
        "group.protocol",
    ],
)
def test_what_exactly_once_rests_on_is_refused_by_name(name: str) -> None:
    with pytest.raises(Refused, match=name.replace(".", r"\.")):
        config.consumer({**PLAIN, name: "x"}, group="g")


def test_a_worker_reads_committed_and_never_resets_or_commits_by_itself() -> None:
    made = config.consumer(PLAIN, group="g", instance="slot")
    wanted: dict[str, Any] = {
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "group.instance.id": "slot",
    }
    assert {name: made[name] for name in wanted} == wanted


def test_the_users_own_settings_win_over_our_defaults() -> None:
    kafka = {**PLAIN, "session.timeout.ms": 45_000, "compression.type": "zstd", "client.id": "mine"}
    assert config.consumer(kafka, group="g")["session.timeout.ms"] == 45_000
    made = config.producer(kafka, transactional_id="t", largest_record_bytes=2_000_000, batch_bytes=1_000_000)
    assert (made["compression.type"], made["client.id"]) == ("zstd", "mine")


def test_each_client_is_spared_the_others_settings() -> None:
    kafka = {**PLAIN, "fetch.min.bytes": 1, "session.timeout.ms": 6_000, "linger.ms": 3, "compression.type": "lz4"}
    assert not {"linger.ms", "compression.type"} & set(config.consumer(kafka, group="g"))
    made = config.producer(kafka, transactional_id="t", largest_record_bytes=1_000_000, batch_bytes=1_000_000)
    assert not {"fetch.min.bytes", "session.timeout.ms"} & set(made)
    assert set(config.admin(kafka)) == {"bootstrap.servers", "client.id", "log_level"}


def test_a_transaction_outlives_its_messages_and_no_batch_the_smallest_limit() -> None:
    made = config.producer(PLAIN, transactional_id="t", largest_record_bytes=6_000_000, batch_bytes=500_000)
    assert made["message.timeout.ms"] < made["transaction.timeout.ms"]
    assert (made["batch.size"], made["message.max.bytes"]) == (500_000, 6_000_000)
