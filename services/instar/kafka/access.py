"""A topic's access rules: reading them, adding some, taking some away (KIP-11, KIP-290)."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from instar.core.fence import Rule
from instar.kafka import config
from instar.kafka.errors import KafkaTrouble, error_of, trouble

TIMEOUT_S = 15.0
_OPEN = "allow.everyone.if.no.acl.found"
_RETRY_EVERY_S = 0.05

Scope = Literal["applying", "literal"]
"""``applying``: by the topic's name, by a prefix of it, or to all topics. ``literal``: written for this very name."""


class Access:
    """One cluster's access rules. All methods raise ``KafkaTrouble``. ``own`` is our principal, where it is known."""

    def __init__(self, kafka: Mapping[str, Any]) -> None:
        self._bootstrap = str(kafka.get("bootstrap.servers", ""))
        self._admin = AdminClient(config.admin(kafka))
        user = kafka.get("sasl.username")
        self.own = f"User:{user}" if user else None
        self._settings: dict[str, str | None] | None = None

    @property
    def enforced(self) -> bool:
        """Has the cluster an authorizer? Without one it may answer that it has no rules: everybody may do anything."""
        return bool(self._broker_settings().get("authorizer.class.name"))  # this one is not hidden

    @property
    def open_without_rules(self) -> bool:
        """Does, or may, the cluster let everybody use what no rule is about?

        A broker lists the setting only where it is given, and hides what it was given: it belongs to the authorizer, so
        the broker takes it for a secret (Kafka 4.1).
        """
        return self._broker_settings().get(_OPEN, "false") != "false"

    def rules(self, topic: str, scope: Scope) -> list[Rule]:
        """No rules where the cluster has no authorizer and says so."""
        try:
            return self._rules(topic, scope)
        except KafkaException as exception:
            if error_of(exception).code() == KafkaError.SECURITY_DISABLED:
                return []
            raise trouble(error_of(exception), f"reading the access rules of {topic}", self._bootstrap) from exception

    def may_write(self, topic: str) -> bool:
        """May we write the topic ourselves, as the cluster sees us (KIP-430)?"""
        try:
            described = self._admin.describe_topics(
                TopicCollection([topic]), include_authorized_operations=True, request_timeout=TIMEOUT_S
            )[topic].result()
        except KafkaException as exception:
            raise trouble(error_of(exception), f"describing topic {topic}", self._bootstrap) from exception
        return AclOperation.WRITE in (described.authorized_operations or [])

    def add(self, topic: str, rules: Iterable[Rule]) -> None:
        """Write rules for this very topic, and wait until they are seen; those that are there are left at that."""
        wanted = list(rules)
        if not wanted:
            return
        try:
            for future in self._admin.create_acls(
                [_binding(topic, rule) for rule in wanted], request_timeout=TIMEOUT_S
            ).values():
                future.result()
        except KafkaException as exception:
            raise trouble(error_of(exception), f"adding access rules to {topic}", self._bootstrap) from exception
        self._await(topic, present=wanted)

    def remove(self, topic: str, rules: Iterable[Rule]) -> None:
        """Take away rules of this very topic, and wait until they are gone; those that are not there are gone."""
        unwanted = list(rules)
        if not unwanted:
            return
        try:
            for future in self._admin.delete_acls(
                [_filter_of(topic, rule) for rule in unwanted], request_timeout=TIMEOUT_S
            ).values():
                future.result()
        except KafkaException as exception:
            raise trouble(error_of(exception), f"removing access rules of {topic}", self._bootstrap) from exception
        self._await(topic, absent=unwanted)

    def _await(self, topic: str, *, present: Iterable[Rule] = (), absent: Iterable[Rule] = ()) -> None:
        deadline_s = time.monotonic() + TIMEOUT_S
        while True:
            found = set(self.rules(topic, "literal"))
            if found.issuperset(present) and found.isdisjoint(absent):
                return
            if time.monotonic() > deadline_s:
                raise KafkaTrouble(f"The access rules of {topic} were changed and do not show it yet.", "Run it again.")
            time.sleep(_RETRY_EVERY_S)

    def _rules(self, topic: str, scope: Scope) -> list[Rule]:
        pattern = ResourcePatternType.MATCH if scope == "applying" else ResourcePatternType.LITERAL
        asked = AclBindingFilter(
            ResourceType.TOPIC,
            topic,
            pattern,
            None,  # type: ignore[arg-type]  # the client's own word for any principal
            None,  # type: ignore[arg-type]  # and any host
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        found = self._admin.describe_acls(asked, request_timeout=TIMEOUT_S).result()
        return [
            Rule(one.principal, one.host, one.operation.name, one.permission_type == AclPermissionType.ALLOW)
            for one in found
        ]

    def _broker_settings(self) -> dict[str, str | None]:
        if self._settings is None:
            try:
                broker_id = next(iter(self._admin.list_topics(timeout=TIMEOUT_S).brokers))
                resource = ConfigResource(ResourceType.BROKER, str(broker_id))
                found = self._admin.describe_configs([resource], request_timeout=TIMEOUT_S)
                entries: Any = next(iter(found.values())).result()
            except KafkaException as exception:
                raise trouble(
                    error_of(exception), "reading the brokers' settings, which a fence rests on", self._bootstrap
                ) from exception
            self._settings = {name: entry.value for name, entry in entries.items()}
        return self._settings


def _binding(topic: str, rule: Rule) -> AclBinding:
    return AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        rule.principal,
        rule.host,
        AclOperation[rule.operation],
        AclPermissionType.ALLOW if rule.allows else AclPermissionType.DENY,
    )


def _filter_of(topic: str, rule: Rule) -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        rule.principal,
        rule.host,
        AclOperation[rule.operation],
        AclPermissionType.ALLOW if rule.allows else AclPermissionType.DENY,
    )
