"""Dead letters on a real Kafka: looked at, redriven exactly once whatever dies, discarded with a reason, exported."""

import json
import signal
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import Ran, instar
from tests.support.command_process import CommandProcess
from tests.support.folders import write_files
from tests.support.projects import PARCELS, QUICK_SESSION, Shop, body, event, parcels, produce, write_shop
from tests.support.workers import counts_of, records_of, run_until_now

from instar.core import provenance, redrive
from instar.core.compare import Comparison
from instar.core.record import Record
from instar.kafka.letters import read_settled
from instar.project.project import load_project
from instar.verifier.verify import verify
from realkafka.pytest_plugin import Kafka

HOP = "upcasters/parcels/v1_to_v2.py"
MENDED = {HOP: PARCELS[HOP].replace('record["name"] == "nobody"', "False")}
Started = Callable[..., CommandProcess]
LETTERS = 3
STILL_BROKEN = "a parcel for nobody"


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    """A migration that has carried 120 parcels, three of which are dead letters."""
    shop = write_shop(tmp_path, topic_name("letters"), {**kafka.client_config(), **QUICK_SESSION})
    produce(shop.kafka, shop.old, parcels(120, shop.partitions))
    run_until_now(shop)
    return shop


def mend(shop: Shop) -> None:
    """The hop takes parcels for nobody from now on."""
    (shop.root / "instar.lock").unlink(missing_ok=True)
    write_files(shop.root, MENDED)


def dlq(shop: Shop, verb: str, *arguments: object) -> Ran:
    return instar("dlq", verb, "--migration", shop.migration, *arguments, at=shop.root)


@pytest.fixture
def started() -> Iterator[Callable[..., CommandProcess]]:
    """Starts a command as a process that a failpoint may stop or end."""
    processes: list[CommandProcess] = []

    def start(shop: Shop, command: tuple[str, ...], failpoint: str) -> CommandProcess:
        processes.append(CommandProcess(shop, command, failpoint))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


def nobody(number: int, key: bytes) -> Any:
    return event(number, 1, 0, body=body(number, 1, "nobody"), key=key)


def redriven(shop: Shop) -> list[Record]:
    return [one for one in records_of(shop, shop.new) if redrive.redriven_from(one.headers) is not None]


def compared(shop: Shop) -> Comparison:
    return verify(load_project(shop.root), shop.migration, "up", dict(shop.kafka)).result


def test_letters_are_listed_by_cause_with_their_first_and_last(shop: Shop) -> None:
    (row,) = dlq(shop, "list", "-o", "json").json
    assert (row["code"], row["hop"], row["direction"]) == ("hop-raised", "v1_to_v2", "up")
    assert (row["outstanding"], row["redriven"], row["discarded"]) == (LETTERS, 0, 0)
    places = {f"{one.partition}:{one.offset}" for one in records_of(shop, shop.letters)}
    assert {row["first"], row["last"]} <= places
    assert STILL_BROKEN in row["message"]
    assert dlq(shop, "list", "--code", "unreadable", "-o", "json").json == []


def test_a_letter_is_shown_readable_beside_its_error(shop: Shop) -> None:
    (row,) = dlq(shop, "list", "-o", "json").json
    ran = dlq(shop, "show", row["first"], "-o", "json")
    assert ran.code == 3
    said = ran.json
    assert said["rejected"]["code"] == said["today"]["code"] == "hop-raised"
    assert said["stages"][0]["records"][0]["value"]["name"] == "nobody"
    text = dlq(shop, "show", row["first"])
    assert STILL_BROKEN in text.out
    assert '"nobody"' in text.out
    mend(shop)
    assert dlq(shop, "show", row["first"]).code == 0
    assert dlq(shop, "show", "0:999999").code == 1


def test_a_letter_that_the_chain_still_rejects_stays_outstanding(shop: Shop) -> None:
    before = records_of(shop, shop.new)
    ran = dlq(shop, "redrive", "--execute", "-o", "json")
    assert ran.code == 3
    assert [(row["result"], row["letters"]) for row in ran.json] == [("rejected", LETTERS)]
    assert records_of(shop, shop.new) == before
    assert len(records_of(shop, shop.letters)) == LETTERS


def test_without_execute_nothing_is_written(shop: Shop) -> None:
    mend(shop)
    ran = dlq(shop, "redrive", "-o", "json")
    assert ran.code == 0
    assert [(row["result"], row["letters"], row["outputs"]) for row in ran.json] == [("redriven", LETTERS, LETTERS)]
    assert "Order" in ran.err
    assert "--execute" in ran.err
    assert redriven(shop) == []
    assert shop.cluster.find(redrive.state_topic(shop.letters)) is None


def test_a_letter_is_redriven_once_as_the_bridge_would_have_published_it(shop: Shop) -> None:
    mend(shop)
    letters = records_of(shop, shop.letters)
    assert dlq(shop, "redrive", "--execute", "--by", "ada").code == 0
    made = redriven(shop)
    assert len(made) == LETTERS
    sources = {(one.partition, one.offset): one for one in records_of(shop, shop.old)}
    for one in made:
        origin = provenance.of(one.headers, one.key, one.value)
        assert origin is not None
        source = sources[one.partition, origin.offset]
        assert (one.key, one.timestamp_ms) == (source.key, source.timestamp_ms)
        assert json.loads(one.value or b"")["channel"] == "WEB"
        letter = redrive.redriven_from(one.headers)
        assert letter is not None
        assert (letter.partition, letter.offset) in {(each.partition, each.offset) for each in letters}
    again = dlq(shop, "redrive", "--execute", "-o", "json")
    assert (again.code, again.json) == (0, [])
    assert len(redriven(shop)) == LETTERS
    assert records_of(shop, shop.letters) == letters
    (row,) = dlq(shop, "list", "-o", "json").json
    assert (row["outstanding"], row["redriven"]) == (0, LETTERS)
    settled = read_settled(shop.cluster, shop.cluster.topic(shop.letters))
    assert {one.by for one in settled.values()} == {"ada"}


def test_the_comparison_lists_redriven_records_and_balances(shop: Shop) -> None:
    mend(shop)
    waiting = compared(shop)
    assert (waiting.right, waiting.outstanding, waiting.lost) == (False, LETTERS, 0)
    assert dlq(shop, "redrive", "--execute").code == 0
    found = compared(shop)
    assert found.right, found.differences
    assert (found.dead_lettered, found.redriven, found.redriven_outputs, found.outstanding) == (
        LETTERS,
        LETTERS,
        LETTERS,
        0,
    )
    assert found.outputs == counts_of(shop).outputs


def test_a_redrive_that_dies_anywhere_is_finished_by_running_it_again(
    kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str], started: Started
) -> None:
    shop = write_shop(tmp_path, topic_name("dying"), {**kafka.client_config(), **QUICK_SESSION})
    ways = [f"{place}=kill" for place in ("produced", "flushed", "before-commit", "during-commit", "after-commit")]
    ways += [f"{place}=raise" for place in ("flushed", "during-commit", "after-commit")]
    produce(shop.kafka, shop.old, [nobody(number, b"k") for number in range(len(ways))])
    run_until_now(shop)
    mend(shop)
    letters = records_of(shop, shop.letters)
    for done, (way, letter) in enumerate(zip(ways, letters, strict=True), 1):
        chosen = ("--letter", f"{letter.partition}:{letter.offset}", "--execute")
        process = started(shop, ("dlq", "redrive", "--migration", shop.migration, *chosen), way)
        process.ended()
        assert [hit["failpoint"] for hit in process.hits] == [way.partition("=")[0]]
        assert dlq(shop, "redrive", *chosen).code == 0
        assert len(redriven(shop)) == done, way
    settled = read_settled(shop.cluster, shop.cluster.topic(shop.letters))
    assert [one.deed for one in settled.values()] == ["redriven"] * len(ways)
    assert compared(shop).right


def test_letters_of_the_reverse_bridge_go_back_to_the_old_topic_and_are_its_echo(shop: Shop) -> None:
    hop = "upcasters/parcels/v2_to_v3.py"
    refusing = (
        "def downcast(record, context):\n            if record['channel'] == 'PIGEON':\n"
        "                raise ValueError('a pigeon')"
    )
    (shop.root / "instar.lock").unlink(missing_ok=True)
    write_files(shop.root, {hop: PARCELS[hop].replace("def downcast(record, context):", refusing)})
    produce(shop.kafka, shop.new, [event(500, 3, 0, body=body(500, 3, channel="PIGEON")), event(501, 3, 0)])
    run_until_now(shop, "--direction", "down")
    (row,) = dlq(shop, "list", "--direction", "down", "-o", "json").json
    assert (row["outstanding"], row["hop"]) == (1, "v2_to_v3")
    (shop.root / "instar.lock").unlink(missing_ok=True)
    write_files(shop.root, {hop: PARCELS[hop]})
    ran = dlq(shop, "redrive", "--direction", "down", "--execute", "-o", "json")
    assert (ran.code, [row["letters"] for row in ran.json]) == (0, [1]), ran.err
    (made,) = [one for one in records_of(shop, shop.old) if redrive.redriven_from(one.headers) is not None]
    origin = provenance.of(made.headers, made.key, made.value)
    assert origin is not None
    assert (origin.direction, json.loads(made.value or b"")) == ("down", body(500, 1))
    before = records_of(shop, shop.new)
    run_until_now(shop)
    assert records_of(shop, shop.new) == before
    assert verify(load_project(shop.root), shop.migration, "down", dict(shop.kafka)).result.redriven == 1


def test_the_worker_goes_on_unmoved_after_a_redrive(shop: Shop) -> None:
    mend(shop)
    before = counts_of(shop)
    assert dlq(shop, "redrive", "--execute").code == 0
    assert counts_of(shop) == before
    produce(shop.kafka, shop.old, parcels(40, shop.partitions, start=120))
    run_until_now(shop)
    found = compared(shop)
    assert found.right, found.differences
    assert (found.read, found.redriven, found.outstanding) == (160, LETTERS, 0)


def test_a_discard_needs_the_name_again_and_is_kept_with_its_reason(shop: Shop) -> None:
    (row,) = dlq(shop, "list", "-o", "json").json
    choice = ("--letter", row["first"], "--reason", "a test parcel", "--by", "ada")
    refused = dlq(shop, "discard", *choice, "--execute")
    assert (refused.code, shop.migration in refused.err) == (2, True)
    assert dlq(shop, "discard", *choice).code == 0
    assert dlq(shop, "list", "-o", "json").json[0]["discarded"] == 0
    ran = dlq(shop, "discard", *choice, "--execute", "--confirm", shop.migration, "-o", "json")
    assert [(one["result"], one["letters"]) for one in ran.json] == [("discarded", 1)]
    shown = dlq(shop, "show", row["first"], "-o", "json").json["settled"]
    assert (shown["deed"], shown["by"], shown["reason"]) == ("discarded", "ada", "a test parcel")
    mend(shop)
    assert dlq(shop, "redrive", "--execute", "-o", "json").json[0]["letters"] == LETTERS - 1
    assert len(records_of(shop, shop.letters)) == LETTERS
    found = compared(shop)
    assert found.right, found.differences
    assert (found.discarded, found.redriven, found.outstanding) == (1, LETTERS - 1, 0)


def test_an_export_holds_every_byte(shop: Shop) -> None:
    file = shop.root / "letters.ndjson"
    assert dlq(shop, "export", "--to", file).code == 0
    assert dlq(shop, "export", "--to", file).code == 2
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    sources = {(one.partition, one.offset): one for one in records_of(shop, shop.old)}
    assert len(lines) == LETTERS
    for line in lines:
        source = sources[line["source"]["partition"], line["source"]["offset"]]
        assert b64decode(line["value"]) == source.value
        assert b64decode(line["key"]) == source.key
        assert [(name, None if text is None else b64decode(text)) for name, text in line["headers"]] == list(
            source.headers
        )
    assert file.stat().st_mode & 0o077 == 0


# ---------------------------------------------------------------------- compacted targets

COMPACTED: Mapping[str, Mapping[str, str]] = {
    "old": {"cleanup.policy": "compact"},
    "new": {"cleanup.policy": "compact"},
}


@pytest.fixture
def compacted(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    return write_shop(tmp_path, topic_name("latest"), {**kafka.client_config(), **QUICK_SESSION}, topics=COMPACTED)


def test_a_letter_whose_key_has_a_newer_value_is_refused_and_the_others_go(compacted: Shop) -> None:
    shop = compacted
    produce(shop.kafka, shop.old, [nobody(1, b"a"), nobody(2, b"b"), nobody(3, b"b"), event(4, 1, 0, key=b"a")])
    run_until_now(shop)
    mend(shop)
    ran = dlq(shop, "redrive", "--execute", "-o", "json")
    assert ran.code == 4
    assert {(row["result"], row["letters"]) for row in ran.json} == {("newer-value", 1), ("redriven", 2)}
    last = {one.key: json.loads(one.value or b"")["id"] for one in records_of(shop, shop.new)}
    assert last == {b"a": 4, b"b": 3}
    assert dlq(shop, "redrive", "--execute").code == 4
    assert dlq(shop, "list", "-o", "json").json[0]["outstanding"] == 1


def test_a_value_that_gets_in_while_a_redrive_is_being_written_is_not_replaced(
    compacted: Shop, started: Started
) -> None:
    shop = compacted
    produce(shop.kafka, shop.old, [nobody(1, b"a"), nobody(2, b"b")])
    run_until_now(shop)
    mend(shop)
    # It stands still when it has looked and has begun nothing: then a newer value comes through the bridge.
    command = ("dlq", "redrive", "--migration", shop.migration, "--execute", "-o", "json")
    process = started(shop, command, "transformed=pause")
    process.wait_stopped()
    produce(shop.kafka, shop.old, [event(9, 1, 0, key=b"a")])
    run_until_now(shop)
    process.signal(signal.SIGCONT)
    ended = process.ended()
    assert {(row["result"], row["letters"]) for row in json.loads(ended.stdout)} == {
        ("newer-value", 1),
        ("redriven", 1),
    }
    last = {one.key: json.loads(one.value or b"")["id"] for one in records_of(shop, shop.new)}
    assert last == {b"a": 9, b"b": 2}


def test_a_native_record_is_newer_unless_its_own_copy_tells_that_it_is_not(compacted: Shop) -> None:
    shop = compacted
    # Written to the new topic and carried back, before the old topic's record of that key.
    produce(shop.kafka, shop.old, [event(0, 1, 0, key=b"other")])
    run_until_now(shop)
    produce(shop.kafka, shop.new, [event(1, 3, 0, key=b"before")])
    run_until_now(shop, "--direction", "down")
    produce(shop.kafka, shop.old, [nobody(2, b"before"), nobody(3, b"after"), nobody(4, b"unknown")])
    run_until_now(shop)
    produce(shop.kafka, shop.new, [event(5, 3, 0, key=b"after")])
    run_until_now(shop, "--direction", "down")
    produce(shop.kafka, shop.new, [event(6, 3, 0, key=b"unknown")])
    mend(shop)
    ran = dlq(shop, "redrive", "--execute", "-o", "json")
    assert ran.code == 4
    assert {(row["result"], row["letters"]) for row in ran.json} == {("newer-value", 2), ("redriven", 1)}
    last = {one.key: json.loads(one.value or b"")["id"] for one in records_of(shop, shop.new)}
    assert last == {b"other": 0, b"before": 2, b"after": 5, b"unknown": 6}


def test_only_one_redrive_at_a_time_writes(shop: Shop, started: Started) -> None:
    mend(shop)
    command = ("dlq", "redrive", "--migration", shop.migration, "--execute")
    process = started(shop, command, "transformed=pause")
    process.wait_stopped()
    assert dlq(shop, "redrive", "--execute").code == 0
    process.signal(signal.SIGCONT)
    ended = process.ended()
    assert ended.code == 4, ended.stderr
    assert "Another redrive" in ended.stderr
    assert len(redriven(shop)) == LETTERS
