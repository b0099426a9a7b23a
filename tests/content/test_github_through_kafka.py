"""Every real GitHub payload goes through a real Kafka, from its own tag to 7.6.1, several subjects in one topic."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer
from tests.support.webhooks import SUBJECTS, TAGS, Payload, errors, needs_data, payloads

from instar.core.formats.framing.registry_header import last_header
from instar.core.record import Record
from instar.kafka.cluster import Cluster
from instar.kafka.scan import scan
from realkafka.pytest_plugin import Kafka

ROOT = Path(__file__).resolve().parents[2]
NEWEST = TAGS[-1]

SETTINGS = """\
format = 1

[environments.local]
kafka = {{ "bootstrap.servers" = "{bootstrap}" }}

[migrations.webhooks]
subjects = [{subjects}]
source = {{ topic = "{topic}", framing = {{ kind = "version-header", subject_header = "x-subject" }} }}
target = {{ topic = "{topic}.new", version = "v5" }}
"""


@needs_data
def test_every_payload_of_an_older_tag_is_valid_under_the_newest_after_the_chain(
    kafka: Kafka, new_topic: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = new_topic("webhooks")
    for subject in SUBJECTS.values():
        for kind in ("schemas", "upcasters"):
            shutil.copytree(ROOT / kind / subject, tmp_path / kind / subject)
    subjects = ", ".join(f'"{subject}"' for subject in SUBJECTS.values())
    settings = SETTINGS.format(bootstrap=kafka.bootstrap, topic=topic, subjects=subjects)
    (tmp_path / "instar.toml").write_text(settings, encoding="utf-8")
    sent = _produce(kafka, topic)

    command = [sys.executable, "-m", "instar", "worker", "webhooks", "--until", "now", "--create", "-o", "json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "services")}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    assert ended.returncode == 0, ended.stderr
    (row,) = json.loads(ended.stdout)
    assert row["published"] == row["read"] == len(sent)
    assert row["dead_lettered"] == 0
    arrived = _read(kafka, f"{topic}.new")
    assert len(arrived) == len(sent)
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for record in arrived:
        payload = sent[(record.key or b"").decode()]
        assert last_header(record.headers, "instar-version") == b"v5"
        assert last_header(record.headers, "x-subject") == payload.subject.encode()
        if payload.tag not in payload.valid:
            continue  # not even valid under the schema of its own tag
        counted[payload.tag] += 1
        before[payload.tag] += NEWEST in payload.valid
        after[payload.tag] += not any(errors(NEWEST, payload.event, json.loads(record.value or b"null")))
    assert counted == after
    assert all(before[tag] == 0 for tag in TAGS[:-1])
    with capsys.disabled():
        print(f"\n  tag     payloads  valid under {NEWEST} before  after")
        for tag in TAGS:
            print(f"  {tag:8}{counted[tag]:>8}{before[tag]:>22}{after[tag]:>11}")


def _produce(kafka: Kafka, topic: str) -> dict[str, Payload]:
    producer = Producer({**kafka.client_config(), "enable.idempotence": True})
    sent = {}
    for number, payload in enumerate(payloads()):
        headers: list[tuple[str, str | bytes | None]] = [
            ("instar-version", f"v{payload.version}".encode()),
            ("x-subject", payload.subject.encode()),
        ]
        producer.produce(topic, payload.data, payload.file.encode(), partition=number % 4, headers=headers)
        sent[payload.file] = payload
    assert producer.flush(30) == 0
    return sent


def _read(kafka: Kafka, topic: str) -> list[Record]:
    cluster = Cluster(kafka.client_config())
    partitions = range(cluster.topic(topic).partitions)
    starts, ends = cluster.start_offsets(topic, partitions), cluster.end_offsets(topic, partitions)
    return list(scan(kafka.client_config(), topic, starts, ends))
