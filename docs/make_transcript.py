"""Writes docs/first-migration.md: the README's words followed from an empty folder, with what really came out.

Builds the wheel, installs it into a fresh environment, and runs each command against the Kafka at
INSTAR_TEST_BOOTSTRAP (default: the one that `make kafka` starts). A command that ends otherwise than expected fails.

    make kafka &  .venv/bin/python docs/make_transcript.py
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "first-migration.md"
BOOTSTRAP = os.environ.get("INSTAR_TEST_BOOTSTRAP", "127.0.0.1:9092")

TOPIC = """\
from confluent_kafka.admin import AdminClient, NewTopic

admin = AdminClient({"bootstrap.servers": "BOOTSTRAP"})
admin.create_topics([NewTopic("orders", 4, 1)])["orders"].result(30)
"""

PRODUCER = '''\
"""Somebody else's program: it knows nothing of instar, and writes v1 with the registry's id in front."""

import io
import json
import tomllib

import fastavro
from confluent_kafka import Producer

kafka = {"bootstrap.servers": "BOOTSTRAP"}
ids = tomllib.load(open("instar.lock", "rb"))["ids"]["files"]
v1_id = next(int(number) for number, version in ids.items() if version == "orders/v1")
schema = fastavro.parse_schema(json.load(open("schemas/orders/v1.avsc")))
producer = Producer(kafka)
for number in range(1000):
    body = io.BytesIO()
    order = {"order_id": f"o-{number}", "customer": "Ada Lovelace", "amount_cents": 1250 + number, "note": None}
    fastavro.schemaless_writer(body, schema, order)
    producer.produce("orders", b"\\0" + v1_id.to_bytes(4, "big") + body.getvalue(), f"o-{number}")
producer.produce("orders", b"not an order at all", "broken")
producer.flush()
print("1001 records produced")
'''


class Transcript:
    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder = folder
        self.parts: list[str] = []
        self._path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
        self._hidden = [(str(folder), "/home/you"), (BOOTSTRAP, "127.0.0.1:9092")]

    def say(self, words: str) -> None:
        self.parts.append(words)

    def write(self, path: str, text: str, language: str) -> None:
        (self.folder / path).write_text(text, encoding="utf-8")
        self.parts.append(f"`{path}`:\n\n```{language}\n{self._shown(text).rstrip()}\n```")

    def run(self, command: str, *, code: int = 0) -> str:
        environment = {**os.environ, "PATH": self._path, "COLUMNS": "110", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
        )
        if done.returncode != code:
            raise SystemExit(f"$ {command}\n{done.stdout}\nended with {done.returncode}, not {code}")
        shown = self._shown(done.stdout)
        ending = f"\n(exit code {code})" if code else ""
        self.parts.append(f"```console\n$ {command}\n{shown.rstrip()}{ending}\n```")
        return done.stdout

    def _shown(self, text: str) -> str:
        for real, said in self._hidden:
            text = text.replace(real, said)
        return text


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="instar-transcript-") as scratch:
        base = Path(scratch)
        subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", scratch], cwd=ROOT, check=True)
        subprocess.run([sys.executable, "-m", "venv", base / "venv"], check=True)
        pip = [base / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", ROOT / "requirements.txt"], check=True)
        subprocess.run([*pip, "--no-deps", *base.glob("*.whl")], check=True)
        (base / "empty").mkdir()
        transcript = Transcript(base / "empty", base / "venv/bin")
        tell(transcript)
    TARGET.write_text("\n\n".join(transcript.parts) + "\n", encoding="utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}", file=sys.stderr)


def tell(transcript: Transcript) -> None:
    say, run = transcript.say, transcript.run
    say(
        "# A first migration\n\n"
        "From an empty folder to the first records in the new topic. Every command below was run by\n"
        "`docs/make_transcript.py` from the built wheel, against the Kafka that `make kafka` starts; what stands here\n"
        "is what it printed."
    )
    run("instar init shop")
    transcript.folder = transcript.folder / "shop"
    run("instar check")
    say("## The next version\n\nThe project's own README says how to add a version: a schema and a hop.")
    readme = (transcript.folder / "README.md").read_text(encoding="utf-8")
    schema = re.search(r"```json\n(.*?)```", readme, re.S)
    hop = re.search(r"```python\n(.*?)```", readme, re.S)
    if schema is None or hop is None:
        raise SystemExit("the README that init writes has no schema or no hop")
    transcript.write("schemas/orders/v2.avsc", schema[1], "json")
    say("Before the hop is there, `check` says what is missing:")
    run("instar check", code=1)
    transcript.write("upcasters/orders/v1_to_v2.py", hop[1], "python")
    run('sed -i \'s/^sensitive = .*/sensitive = ["customer", "customer_name"]/\' schemas/orders/subject.toml')
    run("instar check --samples 200")
    run("instar try orders v1 v2 < schemas/orders/examples/first.v1.json")
    say("## The topic\n\nThe migration stands in `instar.toml`, commented out:")
    run(r"sed -i -E 's/^# (\[migrations|subjects|source|target|reverse)/\1/' instar.toml && tail -5 instar.toml")
    if BOOTSTRAP != "127.0.0.1:9092":
        settings = transcript.folder / "instar.toml"
        settings.write_text(settings.read_text().replace("127.0.0.1:9092", BOOTSTRAP))
    run("instar doctor", code=3)
    transcript.write("topic.py", TOPIC.replace("BOOTSTRAP", BOOTSTRAP), "python")
    run("python topic.py")
    say("`--create` makes the topics that are missing. This project keeps its registry ids in the folder, in "
        "`instar.lock`,\nand `--create` gives them out, too:")  # fmt: skip
    run("instar worker orders-v2 --create --until now")
    run("cat instar.lock")
    say("Now somebody produces. Any program with a registry serializer will do; this one is not ours:")
    transcript.write("produce.py", PRODUCER.replace("BOOTSTRAP", BOOTSTRAP), "python")
    run("python produce.py")
    say("## Carrying the records")
    run("instar worker orders-v2 --until now")
    run("instar tail orders.v2 --from -2 --until-end")
    run("instar record show orders 0 0")
    run("instar dlq list --migration orders-v2")
    say("Started again, it goes on at its checkpoint: there is nothing to do.")
    run("instar worker orders-v2 --until now")


if __name__ == "__main__":
    main()
