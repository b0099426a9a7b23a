"""Asking a cluster whether a topic's write fence stands."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from instar.core.fence import Fence, Rule, writers
from instar.kafka import config
from instar.kafka.errors import Refused, error_of, trouble

TIMEOUT_S = 10.0
_HOW = (
    "Withdraw write permission from every other principal, or stop all producers of the topic and start with "
    "--fence acknowledged --fence-reason TEXT."
)


class FenceCheck:
    """One topic's fence. ``fence`` is None where nobody put one up."""

    def __init__(self, kafka: Mapping[str, Any], topic: str, fence: Fence | None) -> None:
        self._topic = topic
        self._fence = fence
        self._admin = AdminClient(config.admin(kafka))
        user = kafka.get("sasl.username")
        self._own = f"User:{user}" if user else None
        self._open_without_rules: bool | None = None

    def require(self) -> None:
        """Raises ``Refused`` where the fence does not stand, other ``KafkaTrouble`` where it cannot be told."""
        if self._fence is None:
            raise Refused(
                f"Rewriting {self._topic} in place needs a write fence: Kafka has no compare-and-set, so a record that "
                "a producer writes meanwhile could be replaced by an older one.",
                f"Start with --fence acl. {_HOW}",
            )
        if self._fence.kind == "acknowledged":
            return
        if self._open_without_rules is None:
            self._require_authorizer()
        rules = self._rules()
        others = writers(rules, self._own)
        if others:
            raise Refused(
                f"The write fence of {self._topic} does not stand: {', '.join(others)} may write it.",
                _HOW if self._own else f"instar's own principal is not known here (no sasl.username). {_HOW}",
            )
        if not rules and self._open_without_rules:
            raise Refused(
                f"The write fence of {self._topic} does not stand: it has no access rules, and the cluster lets "
                "everybody use what has none (allow.everyone.if.no.acl.found).",
                f"Allow instar's own principal to write {self._topic}: then nobody else may.",
            )

    def _rules(self) -> list[Rule]:
        """Those that apply to the topic: by its name, by a prefix of it, or to all topics."""
        asked = AclBindingFilter(
            ResourceType.TOPIC,
            self._topic,
            ResourcePatternType.MATCH,
            None,  # type: ignore[arg-type]  # the client's own word for any principal
            None,  # type: ignore[arg-type]  # and any host
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        try:
            found = self._admin.describe_acls(asked, request_timeout=TIMEOUT_S).result()
        except KafkaException as exception:
            raise trouble(error_of(exception), f"reading the access rules of {self._topic}") from exception
        return [
            Rule(one.principal, one.host, one.operation.name, one.permission_type == AclPermissionType.ALLOW)
            for one in found
        ]

    def _require_authorizer(self) -> None:
        """A cluster without an authorizer may answer that it has no rules, which means that everybody may write.

        Raises ``Refused`` where there is none, or where the brokers do not tell.
        """
        settings = self._broker_settings()
        if not settings.get("authorizer.class.name"):
            raise Refused(f"The cluster has no authorizer, so no access rule can fence {self._topic}.", _HOW)
        # A broker lists this only where it is set; without it, false.
        self._open_without_rules = settings.get("allow.everyone.if.no.acl.found", "false") != "false"

    def _broker_settings(self) -> dict[str, str]:
        try:
            broker_id = next(iter(self._admin.list_topics(timeout=TIMEOUT_S).brokers))
            resource = ConfigResource(ResourceType.BROKER, str(broker_id))
            found = self._admin.describe_configs([resource], request_timeout=TIMEOUT_S)
            entries: Any = next(iter(found.values())).result()
        except KafkaException as exception:
            raise trouble(error_of(exception), "reading the brokers' settings, which a fence rests on") from exception
        return {name: entry.value for name, entry in entries.items() if entry.value is not None}
