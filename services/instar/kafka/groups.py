"""Consumer groups: who is in one, and the end of one."""

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from instar.kafka import config
from instar.kafka.cluster import LEAVING_GRACE_S, NOT_READY, REQUEST_TIMEOUT_S, RETRY_EVERY_S
from instar.kafka.errors import Refused, error_of, trouble


def members(kafka: Mapping[str, Any], group: str) -> list[str]:
    """The client ids (and hosts) of the group's members; none for a group that is empty or does not exist.

    Raises ``KafkaTrouble``.
    """
    return [f"{member.client_id} ({member.host})" for member in _described(kafka, group)]


def _described(kafka: Mapping[str, Any], group: str) -> list[Any]:
    admin = AdminClient(config.admin(kafka))
    doing = f"describing group {group}"
    deadline_s = time.monotonic() + REQUEST_TIMEOUT_S
    while True:
        try:
            described = admin.describe_consumer_groups([group], request_timeout=REQUEST_TIMEOUT_S)[group].result()
        except KafkaException as exception:
            error = error_of(exception)
            if error.code() not in NOT_READY or time.monotonic() > deadline_s:
                raise trouble(error, doing, str(kafka.get("bootstrap.servers", ""))) from exception
            time.sleep(RETRY_EVERY_S)
        else:
            return list(described.members)


def instances(kafka: Mapping[str, Any], group: str) -> set[str]:
    """The ``group.instance.id`` of every static member. Raises ``KafkaTrouble``."""
    return {str(member.group_instance_id) for member in _described(kafka, group) if member.group_instance_id}


def require_empty(kafka: Mapping[str, Any], group: str) -> None:
    """Raises ``Refused`` while the group has members: they would commit over what is set."""
    found = members(kafka, group)
    if found:
        listed = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        raise Refused(
            f"Group {group} has {len(found)} member{'s' if len(found) > 1 else ''}: {listed}.",
            "Stop its consumers first; only an empty group's offsets are altered.",
        )


def delete(kafka: Mapping[str, Any], group: str) -> None:
    """Delete a group with all its offsets; one that is not there is left at that.

    A member that stopped keeps its place until its session times out (KIP-345), which is waited for. Raises ``Refused``
    where the group has members after that, other ``KafkaTrouble``.
    """
    admin = AdminClient(config.admin(kafka))
    session_ms = int(kafka.get("session.timeout.ms", config.SESSION_TIMEOUT_MS))
    deadline_s = time.monotonic() + session_ms / 1000 + LEAVING_GRACE_S
    while True:
        try:
            admin.delete_consumer_groups([group], request_timeout=REQUEST_TIMEOUT_S)[group].result()
        except KafkaException as exception:
            error = error_of(exception)
            if error.code() == KafkaError.GROUP_ID_NOT_FOUND:
                return
            if error.code() not in NOT_READY | {KafkaError.NON_EMPTY_GROUP}:
                raise trouble(error, f"deleting group {group}", str(kafka.get("bootstrap.servers", ""))) from exception
            if time.monotonic() > deadline_s:
                require_empty(kafka, group)
                raise trouble(error, f"deleting group {group}", str(kafka.get("bootstrap.servers", ""))) from exception
            time.sleep(RETRY_EVERY_S)
        else:
            return
