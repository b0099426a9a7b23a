"""A migration on a real Kafka whose old version may be retired, and all that turns its yes into a no or an unknown.

Each flip stages one thing on the cluster, in the state store or in the project, and takes it away again.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from tests.support.command import instar
from tests.support.projects import QUICK_SESSION, Shop, event, produce, rewrite_settings, write_shop
from tests.support.rolled_out import move, run, verify, way_back
from tests.support.workers import until

from instar.core.census_message import TOPIC as CENSUS
from instar.core.census_message import CensusMessage
from instar.core.retirement import Answer, Source
from instar.kafka import groups
from instar.operations import rolling
from realkafka.broker import KafkaServer
from realkafka.settings import LIMITED

NAME = "parcels-v3"
SUBJECT, VERSION = "parcels", "v1"
DAY_MS = 86_400_000
_STATE = Path(".instar") / "state.db"
_MAY = (
    (ResourceType.BROKER, "kafka-cluster", AclOperation.DESCRIBE),
    (ResourceType.TOPIC, "*", AclOperation.READ),
    (ResourceType.TOPIC, "*", AclOperation.DESCRIBE_CONFIGS),
    (ResourceType.GROUP, "*", AclOperation.DESCRIBE),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A migration and its broker, which asks who one is. ``limited`` may only look."""

    shop: Shop
    server: KafkaServer

    @property
    def settings(self) -> Path:
        return self.shop.root / "instar.toml"

    @property
    def limited(self) -> Shop:
        return replace(self.shop, kafka={**QUICK_SESSION, **self.server.client_config(LIMITED)})


Staging = Callable[[Stage], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Flip:
    """``because`` are the sources that answer, with a part of what they say; ``owner`` is whom the reason names.

    ``staged`` are changed while a server runs; ``reread``: the project is, which a server reads at its start.
    ``ages``: a server that has seen it forgets it by time alone.
    """

    answer: Answer
    because: Mapping[Source, str]
    staged: Staging
    owner: str = ""
    reread: bool = False
    ages: bool = False
    before: Staging = field(default=lambda _: contextlib.nullcontext())


def begun(root: Path, server: KafkaServer) -> Stage:
    """A migration whose switch waits. Who is ``limited`` may look at everything."""
    shop = write_shop(root, NAME, {**server.client_config("admin"), **QUICK_SESSION})
    produce(shop.kafka, shop.old, [event(number, 1, number % 2) for number in range(20)])
    ends = ("--sunset", "2024-01-31", "--reason", "two names")
    assert instar("schema", "deprecate", SUBJECT, VERSION, *ends, at=root).code == 0
    assert command_answer(shop) == ("no", {"rollout": "no", "way back": "unknown", "verification": "no"})
    move(shop, "apply")
    verify(shop)
    assert command_answer(shop) == ("no", {"rollout": "no"})
    with way_back(shop):
        assert move(shop, "switch", expect=3)["result"] == "waiting"
    for resource, name, operation in _MAY:
        add_rule(shop, resource, name, operation, AclPermissionType.ALLOW)
    shop.cluster.create(CENSUS, 1, {})
    shop.cluster.commit("audit", shop.new, {0: (1, "")})  # a group that has nothing to do with the old topic
    return Stage(shop, server)


def finish(at: Stage) -> None:
    """The switch goes on to its end."""
    with way_back(at.shop):
        assert move(at.shop, "switch", "--wait")["result"] == "done"


def command_answer(shop: Shop) -> tuple[Answer, dict[Source, str]]:
    """What `instar can-retire` says: the answer, and the answer of each source that has reasons."""
    ran = instar("can-retire", SUBJECT, VERSION, "-o", "json", at=shop.root)
    (verdict,) = ran.json
    assert ran.code == (0 if verdict["answer"] == "yes" else 3)
    return verdict["answer"], {each["source"]: each["answer"] for each in verdict["reasons"]}


# ------------------------------------------------------------------ reasons


@contextlib.contextmanager
def a_group_has_offsets(at: Stage) -> Iterator[None]:
    at.shop.cluster.commit("billing", at.shop.old, {0: (3, "")})
    try:
        yield
    finally:
        groups.delete(at.shop.admin_kafka, "billing")


@contextlib.contextmanager
def a_member_reads(at: Stage) -> Iterator[None]:
    """Its group has no offsets."""
    consumer = Consumer({**at.shop.kafka, "group.id": "search", "enable.auto.commit": False})
    try:
        consumer.subscribe([at.shop.old])
        until("it has joined", lambda: consumer.poll(0.1) is not None or consumer.assignment())
        yield
    finally:
        consumer.close()
    until("it has left", lambda: not at.shop.cluster.members("search"))


@contextlib.contextmanager
def somebody_declares_a_reader(at: Stage) -> Iterator[None]:
    declared = ("--reads", f"{SUBJECT}:{VERSION}", "--owner", "accounting", "--expires", "2100-01-01")
    assert instar("consumers", "declare", "ledger", *declared, at=at.shop.root).code == 0
    try:
        yield
    finally:
        withdrawn = ("--subject", SUBJECT, "--reason", "it was rewritten")
        assert instar("consumers", "withdraw", "ledger", *withdrawn, at=at.shop.root).code == 0


@contextlib.contextmanager
def a_program_asks_for_the_version(at: Stage) -> Iterator[None]:
    """It has told the census."""
    now_ms = rolling.now_ms()
    said = CensusMessage(
        "reads", at.shop.old, SUBJECT, {VERSION: 7}, now_ms - 60_000, now_ms, client="label-printer", owner="shipping"
    )
    producer = Producer(at.shop.kafka)
    producer.produce(CENSUS, said.encode(), said.key, partition=0)
    assert producer.flush(60) == 0
    try:
        yield
    finally:
        with admin(at.shop) as client:
            for done in client.delete_records([TopicPartition(CENSUS, 0, OFFSET_END)]).values():
                done.result(30)


@contextlib.contextmanager
def a_producer_writes(at: Stage) -> Iterator[None]:
    produce(at.shop.kafka, at.shop.old, [event(100, 1, 0)])
    run(at.shop, "worker", "--until", "now")  # that nobody has carried it is a reason of its own
    try:
        yield
    finally:
        forget(at.shop)


@contextlib.contextmanager
def a_record_is_not_carried(at: Stage) -> Iterator[None]:
    """Nor can it be without being a producer's."""
    produce(at.shop.kafka, at.shop.old, [event(100, 1, 0)])
    try:
        yield
    finally:
        run(at.shop, "worker", "--until", "now")
        forget(at.shop)


@contextlib.contextmanager
def a_letter_is_outstanding(at: Stage) -> Iterator[None]:
    produce(at.shop.kafka, at.shop.old, [event(102, 1, 0, body={"id": 102, "name": "nobody", "cents": 1})])
    run(at.shop, "worker", "--until", "now")
    forget(at.shop)
    try:
        yield
    finally:
        asked = ("--migration", NAME, "--confirm", NAME, "--reason", "a joke", "--execute")
        said = instar("dlq", "discard", *asked, at=at.shop.root)
        assert said.code == 0, said.err


@contextlib.contextmanager
def the_verification_is_over(_: Stage) -> Iterator[None]:
    then_ms = rolling.now_ms() + 2 * DAY_MS
    with mock.patch.object(rolling, "now_ms", return_value=then_ms):
        yield


def told(versions: str) -> Staging:
    """What ``subject.toml`` says of the version's end."""

    @contextlib.contextmanager
    def staged(at: Stage) -> Iterator[None]:
        notes = at.shop.root / "schemas" / SUBJECT / "subject.toml"
        with put_back(notes):
            notes.write_text(f'owner = "shipping"\n\n[versions]\n{versions}\n')
            yield

    return staged


@contextlib.contextmanager
def the_way_up_loses_something(at: Stage) -> Iterator[None]:
    hop = at.shop.root / "upcasters" / SUBJECT / "v1_to_v2.py"
    with put_back(hop):
        hop.write_text(hop.read_text().replace("def upcast", 'lost = {"up": ["name"]}\n\n\ndef upcast', 1))
        yield


@contextlib.contextmanager
def it_loses_something_that_is_archived(at: Stage) -> Iterator[None]:
    with the_way_up_loses_something(at), put_back(at.settings):
        rewrite_settings(at.shop, rollout='{ archive = "kept" }')
        yield


@contextlib.contextmanager
def a_record_came_back(at: Stage) -> Iterator[None]:
    """A record of the new topic is carried back to the old one, where nobody has looked at it yet."""
    produce(at.shop.kafka, at.shop.new, [event(101, 3, 0)])
    run(at.shop, "worker", "--direction", "down", "--until", "now")
    try:
        yield
    finally:
        run(at.shop, "worker", "--until", "now")


# ------------------------------------------------------------------ sources that are missing


@contextlib.contextmanager
def the_state_store_is_no_database(at: Stage) -> Iterator[None]:
    """Somebody has put another file in its place."""
    there = at.shop.root / _STATE
    away = there.with_name("away")
    there.rename(away)
    try:
        there.write_text("not a database, and long enough to be looked at\n" * 100)
        yield
    finally:
        away.rename(there)


@contextlib.contextmanager
def somebody_holds_the_state_store(at: Stage) -> Iterator[None]:
    """Who asks it waits until the time is over."""
    holder = sqlite3.connect(at.shop.root / _STATE, isolation_level=None)
    try:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        until("it has it for itself", lambda: _held(holder))
        yield
    finally:
        holder.close()


def _held(holder: sqlite3.Connection) -> bool:
    try:
        holder.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        return False
    return True


@contextlib.contextmanager
def the_broker_is_frozen(at: Stage) -> Iterator[None]:
    """Connections stay open, and every request runs into its time limit."""
    at.server.suspend()
    try:
        yield
    finally:
        at.server.resume()


@contextlib.contextmanager
def nobody_answers(at: Stage) -> Iterator[None]:
    with put_back(at.settings):
        rewrite_settings(replace(at.shop, kafka={"bootstrap.servers": "127.0.0.1:1"}))
        yield


@contextlib.contextmanager
def as_limited(at: Stage) -> Iterator[None]:
    """The project asks as somebody who may only look."""
    with put_back(at.settings):
        rewrite_settings(at.limited)
        yield


def denied(resource: Any, name: str, operation: Any) -> Staging:
    @contextlib.contextmanager
    def staged(at: Stage) -> Iterator[None]:
        add_rule(at.shop, resource, name, operation, AclPermissionType.DENY)
        try:
            yield
        finally:
            remove_rules(at.shop, resource, name, AclPermissionType.DENY)

    return staged


UNANSWERED: Mapping[Source, str] = {
    "rollout": "could not be asked",
    "groups": "cannot be listed",
    "declared readers": "cannot be read",
    "clients": "the census cannot be read",
    "producers": "cannot be read",
    "way back": "cannot be read",
    "dead letters": "cannot be read",
    "verification": "cannot be read",
}
STATELESS = {
    source: UNANSWERED[source] for source in UNANSWERED
    if source in ("rollout", "declared readers", "producers", "verification")
}  # fmt: skip

FLIPS: Mapping[str, Flip] = {
    "a group with offsets in the old topic is a reader": Flip(
        "no", {"groups": "billing reads it: 0 members, 7 behind"}, a_group_has_offsets
    ),
    "a group without offsets is one while a member of it reads the old topic": Flip(
        "no", {"groups": "search reads it: 1 member"}, a_member_reads
    ),
    "a declared reader counts until it is withdrawn": Flip(
        "no", {"declared readers": "ledger was declared to read it until 2100-01-01"}, somebody_declares_a_reader,
        owner="accounting",
    ),
    "a program that told the census that it asks for the version is a client": Flip(
        "no", {"clients": "label-printer reads it"}, a_program_asks_for_the_version, owner="shipping", ages=True
    ),
    "a record that a producer writes to the old topic after the switch is a producer": Flip(
        "no", {"producers": "written to it since the switch"}, a_producer_writes
    ),
    "a record that nobody has carried is missing on the other side": Flip(
        "no", {"producers": "since the switch", "way back": "1 record of the old topic is not carried yet"},
        a_record_is_not_carried,
    ),
    "a dead letter that nobody has settled is a reason": Flip(
        "no", {"dead letters": "in the dead letters"}, a_letter_is_outstanding
    ),
    "an expired verification is a reason": Flip(
        "no", {"verification": "counts any more"}, the_verification_is_over
    ),
    "readers who were not told are a reason": Flip(
        "no", {"sunset": "it is not deprecated"}, told(""), reread=True
    ),
    "readers have the version until the day that they were told": Flip(
        "no", {"sunset": "until 2100-01-01"}, told('v1 = { deprecated = "two names", sunset = 2100-01-01 }'),
        reread=True,
    ),
    "what the way up loses must be archived": Flip(
        "no", {"archive": "the way up loses name"}, the_way_up_loses_something, reread=True
    ),
    "what is archived is not lost": Flip("yes", {}, it_loses_something_that_is_archived, reread=True),
    "a record that came back waits for nobody": Flip("yes", {}, a_record_came_back),
    "an end without a day is no end": Flip(
        "unknown", {"sunset": "without a day"}, told('v1 = { deprecated = "some day" }'), reread=True
    ),
    "a state store that is none": Flip("unknown", STATELESS, the_state_store_is_no_database),
    "a state store that somebody holds": Flip("unknown", STATELESS, somebody_holds_the_state_store),
    "a broker that is frozen": Flip("unknown", UNANSWERED, the_broker_is_frozen),
    "a broker that is not there": Flip("unknown", UNANSWERED, nobody_answers, reread=True),
    "groups that may not be listed": Flip(
        "unknown", {"groups": "only some of the consumer groups can be listed"},
        denied(ResourceType.BROKER, "kafka-cluster", AclOperation.DESCRIBE), before=as_limited,
    ),
    "a group that may not be looked into counts as a reader": Flip(
        "no", {"groups": "audit reads it: members unknown, lag unknown"},
        denied(ResourceType.GROUP, "audit", AclOperation.DESCRIBE), before=as_limited,
    ),
    "an old topic that may not be read": Flip(
        "unknown", {"producers": "cannot be read"},
        denied(ResourceType.TOPIC, f"{NAME}.old", AclOperation.READ), before=as_limited,
    ),
    "a checkpoint that may not be read": Flip(
        "unknown", {"way back": "checkpoint cannot be read"},
        denied(ResourceType.GROUP, f"instar.{NAME}.up", AclOperation.DESCRIBE), before=as_limited,
    ),
    "dead letters that may not be read": Flip(
        "unknown", {"dead letters": "cannot be read"},
        denied(ResourceType.TOPIC, f"{NAME}.new.dlq", AclOperation.READ), before=as_limited,
    ),
    "a census that may not be read": Flip(
        "unknown", {"clients": "the census cannot be read"},
        denied(ResourceType.TOPIC, CENSUS, AclOperation.DESCRIBE), before=as_limited,
    ),
}  # fmt: skip


# ------------------------------------------------------------------ means


@contextlib.contextmanager
def admin(shop: Shop) -> Iterator[AdminClient]:
    """Its answers are waited for inside: it must not be collected before."""
    yield AdminClient({**shop.admin_kafka, "log_level": 0})


def forget(shop: Shop) -> None:
    """Retention takes the old topic's records."""
    ends = shop.cluster.end_offsets(shop.old, range(shop.partitions))
    wanted = [TopicPartition(shop.old, number, end) for number, end in ends.items()]
    with admin(shop) as client:
        for done in client.delete_records(wanted).values():
            done.result(30)


def add_rule(shop: Shop, resource: Any, name: str, operation: Any, permission: Any) -> None:
    rule = AclBinding(resource, name, ResourcePatternType.LITERAL, f"User:{LIMITED}", "*", operation, permission)
    with admin(shop) as client:
        for done in client.create_acls([rule]).values():
            done.result(30)


def remove_rules(shop: Shop, resource: Any, name: str, permission: Any) -> None:
    wanted = AclBindingFilter(
        resource, name, ResourcePatternType.LITERAL, f"User:{LIMITED}", "*", AclOperation.ANY, permission
    )
    with admin(shop) as client:
        for done in client.delete_acls([wanted]).values():
            done.result(30)


@contextlib.contextmanager
def put_back(file: Path) -> Iterator[None]:
    before = file.read_bytes()
    try:
        yield
    finally:
        file.write_bytes(before)
