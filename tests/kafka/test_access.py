"""Access rules as a real cluster has them, and what a fence makes of them."""

from collections.abc import Callable

import pytest

from instar.core.fence import ANY_HOST, Fence, Rule
from instar.kafka.access import Access
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.kafka.fence import FenceCheck
from realkafka.broker import KafkaServer
from realkafka.pytest_plugin import Kafka

TILL = Rule("User:till", ANY_HOST, "WRITE", allows=True)
ADMIN = Rule("User:admin", ANY_HOST, "WRITE", allows=True)


@pytest.mark.parametrize("given", ["true", "false"])
def test_a_topic_without_rules_is_not_fenced_where_the_cluster_may_be_open(
    own_kafka: Callable[..., KafkaServer], given: str
) -> None:
    """The broker hides what it was given, so it counts as open."""
    server = own_kafka(authorizer=True, extra={"allow.everyone.if.no.acl.found": given})
    Cluster(server.client_config()).create("orders", 1, {})
    assert Access(server.client_config()).open_without_rules
    fence = FenceCheck(server.client_config(), "orders", Fence("acl"))
    with pytest.raises(Refused, match="no access rules"):
        fence.require()
    Access(server.client_config()).add("orders", [ADMIN])
    fence.require()


def test_rules_are_written_once_seen_and_taken_away_again(own_kafka: Callable[..., KafkaServer]) -> None:
    server = own_kafka(authorizer=True)
    Cluster(server.client_config()).create("orders", 1, {})
    access = Access(server.client_config())
    assert access.enforced
    assert not access.open_without_rules
    access.add("orders", [TILL, ADMIN])
    access.add("orders", [TILL])
    assert set(access.rules("orders", "literal")) == {TILL, ADMIN}
    access.remove("orders", [TILL])
    access.remove("orders", [TILL])
    assert access.rules("orders", "applying") == [ADMIN]


def test_a_cluster_without_an_authorizer_has_no_rules_and_enforces_none(
    kafka: Kafka, new_topic: Callable[..., str]
) -> None:
    access = Access(kafka.client_config())
    assert not access.enforced
    assert access.rules(new_topic("orders"), "applying") == []
