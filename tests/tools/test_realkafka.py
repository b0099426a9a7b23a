"""The harness that runs the real servers: what other tests and developers rely on."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from realkafka import KafkaServer, RegistryServer, ServerFailed
from realkafka.locations import POM, REPOSITORY, kafka_installation, registry_installation
from realkafka.ports import free_port
from realkafka.runtime import KafkaRuntime, kafka_uuid
from realkafka.settings import ClientConfig, broker_settings, properties_text
from realkafka.tally import Tally, why_not_enough

ANSWER_S = 30.0


def create_topic(config: ClientConfig, name: str) -> None:
    admin = AdminClient(config)
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])[name].result(ANSWER_S)


def write(config: ClientConfig, topic: str, values: list[bytes]) -> None:
    producer = Producer(config | {"transactional.id": f"writer-of-{topic}"})
    producer.init_transactions(ANSWER_S)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=0)
    producer.commit_transaction(ANSWER_S)


def read(config: ClientConfig, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer(config | {"group.id": f"readers-of-{topic}", "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        messages = consumer.consume(count, ANSWER_S)
        assert [message.error() for message in messages] == [None] * count
        return [message.value() for message in messages]
    finally:
        consumer.close()


def in_subprocess(
    *arguments: str, path: str | None = None, folder: Path = REPOSITORY
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tools")}
    environment.pop("INSTAR_TEST_BOOTSTRAP", None)
    environment.pop("INSTAR_TEST_REGISTRY", None)
    if path is not None:
        environment["PATH"] = path
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


# ------------------------------------------------------------------ the broker


def test_the_shared_broker_carries_a_transaction(new_topic: Callable[..., str], kafka: KafkaServer) -> None:
    topic = new_topic("carried", partitions=1)
    write(kafka.client_config(), topic, [b"one", b"two"])
    assert read(kafka.client_config(), topic, 2) == [b"one", b"two"]


def test_topics_do_not_appear_by_themselves(kafka: KafkaServer, topic_name: Callable[[str], str]) -> None:
    name = topic_name("never-created")
    admin = AdminClient(kafka.client_config())
    admin.list_topics(name, timeout=ANSWER_S)
    assert name not in admin.list_topics(timeout=ANSWER_S).topics


def test_committed_records_and_the_address_survive_a_kill(own_kafka: Callable[..., KafkaServer]) -> None:
    server = own_kafka()
    address = server.bootstrap
    create_topic(server.client_config(), "kept")
    write(server.client_config(), "kept", [b"before"])
    server.kill()
    assert not server.running
    server.restart()
    assert server.bootstrap == address
    assert read(server.client_config(), "kept", 1) == [b"before"]


def test_a_suspended_broker_answers_again_once_it_is_resumed(own_kafka: Callable[..., KafkaServer]) -> None:
    server = own_kafka()
    admin = AdminClient(server.client_config())
    admin.list_topics(timeout=ANSWER_S)
    server.suspend()
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=0.5)
    server.resume()
    assert admin.list_topics(timeout=ANSWER_S).brokers


def test_two_brokers_run_side_by_side(own_kafka: Callable[..., KafkaServer]) -> None:
    first, second = own_kafka(), own_kafka()
    create_topic(first.client_config(), "only-here")
    assert "only-here" in AdminClient(first.client_config()).list_topics(timeout=ANSWER_S).topics
    assert "only-here" not in AdminClient(second.client_config()).list_topics(timeout=ANSWER_S).topics
    clusters = {AdminClient(s.client_config()).list_topics(timeout=ANSWER_S).cluster_id for s in (first, second)}
    assert len(clusters) == 2


def test_without_an_acl_the_limited_user_is_refused(own_kafka: Callable[..., KafkaServer]) -> None:
    server = own_kafka(authorizer=True)
    create_topic(server.client_config(), "guarded")
    limited = server.client_config("limited")
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        create_topic(limited, "wished")
    admin = AdminClient(server.client_config())
    binding = AclBinding(
        ResourceType.TOPIC,
        "wished",
        ResourcePatternType.LITERAL,
        "User:limited",
        "*",
        AclOperation.CREATE,
        AclPermissionType.ALLOW,
    )
    admin.create_acls([binding])[binding].result(ANSWER_S)
    create_topic(limited, "wished")
    assert "wished" in admin.list_topics(timeout=ANSWER_S).topics
    assert "guarded" not in AdminClient(limited).list_topics(timeout=ANSWER_S).topics


def test_a_wrong_password_is_refused(own_kafka: Callable[..., KafkaServer]) -> None:
    server = own_kafka(authorizer=True)
    stranger = AdminClient(server.client_config("limited") | {"sasl.password": "guessed", "log_level": 0})
    with pytest.raises(KafkaException):
        stranger.list_topics(timeout=2.0)


def test_a_broker_setting_of_the_test_wins(own_kafka: Callable[..., KafkaServer]) -> None:
    server = own_kafka(extra={"auto.create.topics.enable": "true"})
    producer = Producer(server.client_config())
    producer.produce("made-by-writing", b"x")
    assert producer.flush(ANSWER_S) == 0
    assert read(server.client_config(), "made-by-writing", 1) == [b"x"]


def test_a_broker_that_cannot_start_says_why(own_kafka: Callable[..., KafkaServer]) -> None:
    with pytest.raises(ServerFailed, match=r"(?s)exit code 1.*log\.retention\.ms"):
        own_kafka(extra={"log.retention.ms": "soon"})


@pytest.mark.kafka
@pytest.mark.skipif(sys.platform != "linux", reason="the tether is a Linux feature")
def test_a_broker_ends_with_the_process_that_started_it(own_kafka: Callable[..., KafkaServer], tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import sys, threading
        from pathlib import Path
        from realkafka import KafkaServer
        servers = []
        # Started from a thread that ends at once: that must not end the broker.
        starter = threading.Thread(target=lambda: servers.append(KafkaServer(Path({str(tmp_path)!r})).start()))
        starter.start()
        starter.join()
        print(servers[0].pid, flush=True)
        sys.stdin.read()
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tools")}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        broker = os.pidfd_open(int(owner.stdout.readline()))
        try:
            assert select.select([broker], [], [], 0.5)[0] == [], "the broker ended although its owner lives"
            owner.send_signal(signal.SIGKILL)
            assert select.select([broker], [], [], ANSWER_S)[0] == [broker], "the broker outlived its owner"
        finally:
            os.close(broker)


def test_the_quick_format_is_what_kafkas_own_tool_writes(own_kafka: Callable[..., KafkaServer], tmp_path: Path) -> None:
    server = own_kafka()
    ours = (server.data_dir / "log" / "meta.properties").read_text(encoding="utf-8")
    theirs = (kafka_installation().folder / "formatted" / "meta.properties").read_text(encoding="utf-8")

    def names(text: str) -> set[str]:
        return {line.partition("=")[0] for line in text.splitlines() if line and not line.startswith("#")}

    # The running broker adds nothing and misses nothing: it would have refused to start.
    assert names(ours) >= names(theirs) - {"cluster.id"}
    assert names(ours) == {"version", "cluster.id", "node.id", "directory.id"}
    before = ours
    KafkaRuntime(kafka_installation()).format(server.data_dir / "log")
    assert (server.data_dir / "log" / "meta.properties").read_text(encoding="utf-8") == before


# ------------------------------------------------------------------ the registry


def test_the_registry_gives_back_what_was_registered(registry_url: str, topic_name: Callable[[str], str]) -> None:
    subject = topic_name("names-value")
    with SchemaRegistryClient({"url": registry_url}) as client:
        schema_id = client.register_schema(subject, Schema('{"type":"string"}', "AVRO"))
        held = client.get_schema(schema_id).schema_str
        assert held is not None
        assert json.loads(held) == {"type": "string"}
        assert client.get_latest_version(subject).schema_id == schema_id


def test_a_restarted_registry_has_its_address_and_nothing_else(own_registry: Callable[[], RegistryServer]) -> None:
    server = own_registry()
    address = server.url
    with SchemaRegistryClient({"url": address}) as client:
        client.register_schema("kept-nowhere", Schema('{"type":"string"}', "AVRO"))
        assert client.get_subjects() == ["kept-nowhere"]
    server.restart()
    assert server.url == address
    with SchemaRegistryClient({"url": address}) as client:
        assert client.get_subjects() == []


# ------------------------------------------------------------------ fetching


def test_fetching_again_does_nothing(own_kafka: Callable[..., KafkaServer], tmp_path: Path) -> None:
    if not registry_installation().complete:
        pytest.skip("the registry is not fetched")
    java = shutil.which("java")
    assert java is not None
    only_java = tmp_path / "bin"
    only_java.mkdir()
    (only_java / "java").symlink_to(java)
    own_kafka()
    # No mvn on this PATH: had anything to be fetched, this would fail.
    again = in_subprocess("-m", "realkafka", "fetch", path=str(only_java))
    assert (again.returncode, again.stderr, again.stdout) == (0, "", "")


ASKS_A_BROKER = """
import sys
from confluent_kafka.admin import AdminClient
assert AdminClient({"bootstrap.servers": sys.argv[1]}).list_topics(timeout=30).brokers
sys.exit(7)
"""


def test_a_command_runs_beside_a_broker_of_its_own_and_gives_its_exit_code(
    own_kafka: Callable[..., KafkaServer],
) -> None:
    own_kafka()  # skips where none can run
    ended = in_subprocess("-m", "realkafka", "with", sys.executable, "-c", ASKS_A_BROKER, "{bootstrap}")
    assert ended.returncode == 7, ended.stderr


def test_without_java_a_fetch_says_what_is_missing(tmp_path: Path) -> None:
    copy = tmp_path / "tools" / "realkafka"
    shutil.copytree(POM.parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    program = (
        f"import sys; sys.path.insert(0, {str(copy.parent)!r}); from realkafka.__main__ import main; sys.exit(main())"
    )
    empty = tmp_path / "bin"
    empty.mkdir()
    allowed = in_subprocess("-c", program, "fetch", "--if-possible", path=str(empty))
    assert allowed.returncode == 0
    assert "no java on PATH; install Java 17" in allowed.stderr
    strict = in_subprocess("-c", program, "fetch", path=str(empty))
    assert strict.returncode == 1
    assert "no java on PATH; install Java 17" in strict.stderr
    assert not (tmp_path / ".cache").exists()


# ------------------------------------------------------------------ reports


PROBE = """
import pytest

def test_of_the_broker(kafka):
    pass

@pytest.mark.registry
def test_of_the_registry():
    pass

def test_of_neither():
    pass
"""


def run_probe(folder: Path, *options: str, path: str) -> subprocess.CompletedProcess[str]:
    (folder / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\nmarkers = ['kafka: x', 'registry: x']\naddopts = ['--strict-markers']\n",
        encoding="utf-8",
    )
    (folder / "test_probe.py").write_text(PROBE, encoding="utf-8")
    options = ("-p", "realkafka.pytest_plugin", "-p", "no:cacheprovider", "-q", *options)
    return in_subprocess("-m", "pytest", *options, path=path, folder=folder)


def test_without_java_the_last_lines_say_how_many_tests_were_skipped_and_why(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    ended = run_probe(tmp_path, path=str(tmp_path / "bin"))
    assert ended.returncode == 0, ended.stdout
    why = "there is no java on PATH; install Java 17 or newer"
    assert ended.stdout.splitlines()[-2:] == [
        f"real Kafka: 0 tests ran, 1 skipped: 1 x {why}",
        f"real registry: 0 tests ran, 1 skipped: 1 x {why}",
    ]
    tally = Tally.read(tmp_path / ".cache" / "last-run.json")
    assert (tally.kafka.ran, tally.kafka.skipped, tally.registry.skipped) == (0, 1, 1)


def test_a_fixture_gives_its_mark(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    ended = run_probe(tmp_path, "-m", "not kafka and not registry", path=str(tmp_path / "bin"))
    assert re.search(r"1 passed, 2 deselected", ended.stdout), ended.stdout
    assert "real Kafka" not in ended.stdout


def test_a_run_that_skipped_the_real_servers_is_not_enough_where_they_could_run(tmp_path: Path) -> None:
    report = tmp_path / "last-run.json"
    assert "no usable report" in (why_not_enough(report, None) or "")
    tally = Tally()
    tally.kafka.skip("not fetched")
    tally.registry.ran = 1
    tally.write(report)
    assert why_not_enough(report, None) == (
        "Java and Maven are here, but no test ran against a real Kafka: not fetched"
    )
    assert why_not_enough(report, "there is no java") is None
    tally.kafka.ran = 1
    tally.write(report)
    assert why_not_enough(report, None) is None
    tally.registry.ran = 0
    tally.write(report)
    assert "real registry" in (why_not_enough(report, None) or "")
    report.write_text('{"kafka": 3}', encoding="utf-8")
    assert "no usable report" in (why_not_enough(report, None) or "")


# ------------------------------------------------------------------ small parts


def test_brokers_take_ports_that_no_outgoing_connection_can_take() -> None:
    first_outgoing, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="utf-8").split()
    assert all(1024 < free_port() < int(first_outgoing) for _ in range(50))


def test_a_broker_listens_on_the_loopback_interface_only(tmp_path: Path) -> None:
    settings = broker_settings(port=20001, controller_port=20002, log_dir=tmp_path)
    addresses = re.findall(r"//([^:,]+):", settings["listeners"] + settings["advertised.listeners"])
    assert addresses == ["127.0.0.1"] * 3


def test_settings_with_backslashes_survive_the_properties_format() -> None:
    assert properties_text({"a": r"x\y", "b": "1"}) == "a=x\\\\y\nb=1\n"


def test_kafkas_ids_are_22_characters_and_never_look_like_an_option() -> None:
    for _ in range(500):
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", kafka_uuid())
