"""The broker's settings: one node that is broker and controller, on the loopback interface only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from realkafka.ports import LOOPBACK

NODE_ID = 1
ADMIN = "admin"
LIMITED = "limited"

# What confluent_kafka's clients take; its dict is invariant, so it must be named this widely.
ClientConfig = dict[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Access:
    """Who may talk to a broker that asks: `passwords` by user name. `admin` may do anything, others what ACLs allow."""

    passwords: Mapping[str, str] = field(repr=False)

    def client_config(self, user: str) -> ClientConfig:
        """librdkafka settings of a client that logs in as `user`.

        Raises:
            KeyError: there is no such user.
        """
        return {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": self.passwords[user],
        }

    def server_settings(self) -> dict[str, str]:
        """The broker's half of the same."""
        users = " ".join(f'user_{name}="{password}"' for name, password in self.passwords.items())
        login = f'username="{ADMIN}" password="{self.passwords[ADMIN]}"'
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        return {
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config": f"{module} required {login} {users};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # The controller's own listener asks nobody for a password; it is the broker that talks there.
            "super.users": f"User:{ADMIN};User:ANONYMOUS",
        }


def broker_settings(
    *,
    port: int,
    controller_port: int,
    log_dir: Path,
    access: Access | None = None,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """`server.properties` of one broker, as names and values; `extra` has the last word."""
    client_protocol = "SASL_PLAINTEXT" if access else "PLAINTEXT"
    settings = {
        "process.roles": "broker,controller",
        "node.id": str(NODE_ID),
        "controller.quorum.voters": f"{NODE_ID}@{LOOPBACK}:{controller_port}",
        "listeners": f"CLIENT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"CLIENT://{LOOPBACK}:{port}",
        "listener.security.protocol.map": f"CLIENT:{client_protocol},CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENT",
        "log.dirs": str(log_dir),
        "auto.create.topics.enable": "false",
        # One node: internal topics cannot have the three replicas that they have by default.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # 5 partitions instead of 50: they are made and loaded at every start.
        "offsets.topic.num.partitions": "5",
        "transaction.state.log.num.partitions": "5",
        "share.coordinator.state.topic.num.partitions": "1",
        # Tests wait for what the next four say, so they say little. The defaults are 3 s, 6 s, 10 s and 9 s.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # 128 MB by default, out of a heap of 512 MB.
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }
    if access:
        settings |= access.server_settings()
    return settings | dict(extra or {})


def properties_text(settings: Mapping[str, str]) -> str:
    """Settings in Java's properties format: backslashes escaped, one a line."""
    return "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
