"""Writes docs/adopting-a-topic.md: a topic and a registry that somebody else filled, taken over step by step.

Starts a real Kafka and a real registry of its own, and shows what each command really printed. A command that ends
otherwise than expected fails.

    PYTHONPATH=tools .venv/bin/python docs/make_adoption.py
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from realkafka.broker import KafkaServer
from realkafka.registry import RegistryServer

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "adopting-a-topic.md"

PRODUCER = '''\
"""Somebody else's producer, release by release: the plain Confluent serializers, which know nothing of instar."""

import json

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

KAFKA, REGISTRY = {"bootstrap.servers": "@KAFKA@"}, {"url": "@REGISTRY@"}

ORDER_ID = {"name": "order_id", "type": "string"}
EMAIL = {"name": "email", "type": "string"}
RELEASES = [
    ({"fields": [ORDER_ID, EMAIL, {"name": "qty", "type": "int"}]}, {"qty": 2}),
    ({"fields": [ORDER_ID, EMAIL, {"name": "qty", "type": "int", "default": 1}], "doc": "Says more."}, {"qty": 3}),
    (
        {
            "fields": [
                ORDER_ID,
                EMAIL,
                {"name": "quantity", "type": "long"},
                {"name": "channel", "type": "string", "default": "WEB"},
            ]
        },
        {"quantity": 4, "channel": "SHOP"},
    ),
]

admin = AdminClient(KAFKA)
admin.create_topics([NewTopic("orders", 2, 1)])["orders"].result(30)
producer = Producer(KAFKA)
with SchemaRegistryClient(REGISTRY) as registry:
    for schema, values in RELEASES:
        record = {"type": "record", "name": "Order", "namespace": "shop", **schema}
        serialize = AvroSerializer(registry, json.dumps(record))
        for number in range(100):
            order = {"order_id": f"o-{number}", "email": f"ada{number}@example.com", **values}
            body = serialize(order, SerializationContext("orders", MessageField.VALUE))
            producer.produce("orders", body, f"o-{number}")
producer.flush()
print("300 records of 3 registered schemas")
'''

SETTINGS = """\
format = 1

[environments.local]
kafka    = { "bootstrap.servers" = "@KAFKA@" }
registry = { url = "@REGISTRY@" }

[migrations.orders-v2]
subjects = ["orders"]
source   = { topic = "orders", framing = "registry-prefix" }
target   = { topic = "orders.v2", version = "v2" }
"""


class Transcript:
    """Runs commands in a folder and keeps what they print, with the usual addresses for the ones of this run."""

    def __init__(self, folder: Path, kafka: str, registry: str) -> None:
        self.folder = folder
        self.parts: list[str] = []
        self._kafka = kafka
        self._registry = registry
        self._real = {
            str(folder): "/home/you/shop",
            kafka: "127.0.0.1:9092",
            registry: "http://127.0.0.1:8080/apis/ccompat/v7",
        }
        self._path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def say(self, words: str) -> None:
        self.parts.append(words)

    def file(self, name: str, text: str, language: str) -> None:
        (self.folder / name).write_text(self._with_addresses(text), encoding="utf-8")
        self.parts.append(f"`{name}`:\n\n```{language}\n{self._shown(self._with_addresses(text)).rstrip()}\n```")

    def show(self, name: str, language: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        self.parts.append(f"`{name}`:\n\n```{language}\n{text.rstrip()}\n```")

    def run(self, command: str, *, code: int = 0) -> None:
        environment = {**os.environ, "PATH": self._path, "COLUMNS": "110"}
        done = subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode != code:
            raise SystemExit(f"$ {command}\n{done.stdout}\nended with {done.returncode}, not {code}")
        ending = f"(exit code {code})" if code else ""
        said = "".join(f"\n{part}" for part in (self._shown(done.stdout).rstrip(), ending) if part)
        self.parts.append(f"```console\n$ {command}{said}\n```")

    def _with_addresses(self, text: str) -> str:
        return text.replace("@KAFKA@", self._kafka).replace("@REGISTRY@", self._registry)

    def _shown(self, text: str) -> str:
        for real, name in self._real.items():
            text = text.replace(real, name)
        return "\n".join(line.rstrip() for line in text.splitlines())


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="instar-adoption-") as scratch:
        base = Path(scratch)
        (base / "shop").mkdir()
        with KafkaServer(base / "kafka") as kafka, RegistryServer(base / "registry") as registry:
            transcript = Transcript(base / "shop", kafka.bootstrap, registry.url)
            tell(transcript)
    TARGET.write_text("\n\n".join(transcript.parts) + "\n", encoding="utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}", file=sys.stderr)


def tell(transcript: Transcript) -> None:
    say, run = transcript.say, transcript.run
    say(
        "# Adopting a topic\n\n"
        "A topic with a history of its own, and a registry: from there to a running migration. Every command below\n"
        "was run by `docs/make_adoption.py` against a real Kafka and a real registry (Apicurio's\n"
        "Confluent-compatible API); what stands here is what it printed.\n\n"
        "## What is there\n\n"
        "Three releases of somebody's producer. The second only documented its schema better; the third renamed a\n"
        "field, made it wider and added another."
    )
    transcript.file("producer.py", PRODUCER, "python")
    run("python producer.py")
    say("## Five minutes\n\nThe settings say where Kafka and the registry are, and what is wanted:")
    transcript.file("instar.toml", SETTINGS, "toml")
    run("instar schema pull orders --topic orders --execute")
    say(
        "The two schemas that no record tells apart share version 1, and both ids lead to it. Samples are masked, and\n"
        "what was masked is written down as a guess:"
    )
    transcript.show("schemas/orders/subject.toml", "toml")
    transcript.show("instar.lock", "toml")
    run("instar check", code=1)
    say("A hop is missing. Its draft:")
    run("instar upcaster new orders --execute")
    transcript.show("upcasters/orders/v1_to_v2.py", "python")
    say("Every guess is marked. Here they are right, so the marks go:")
    run(r"sed -i -E -e '/^ *# guess:/d' -e 's/ +# guess:.*//' -e '/^# Drafted/d' upcasters/orders/v1_to_v2.py")
    run("instar check --samples 200")
    run("instar schema diff orders v1 v2")
    run("instar schema check --mode full", code=3)
    say(
        "Readers of v2 cannot read v1. Readers of v1 do read v2, and find the quantity 1 in every order, which is\n"
        "worse: compatible is not the same as right. That is what the hop is for. The worker carries all 300 records\n"
        "over."
    )
    run("instar worker orders-v2 --until now --create -o json 2> /dev/null")
    run("instar tail orders.v2 --from beginning -o ndjson | head -2")


if __name__ == "__main__":
    main()
