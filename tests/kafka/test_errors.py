"""librdkafka's errors as a person needs them: which kind, with what exit code, and what to do."""

import pytest
from confluent_kafka import KafkaError

from instar.kafka.errors import (
    KafkaTrouble,
    NotAllowed,
    TopicMissing,
    Unreachable,
    is_fence,
    is_stale_member,
    trouble,
)


@pytest.mark.parametrize(
    ("code", "kind", "exit_code", "remedy"),
    [
        (KafkaError._ALL_BROKERS_DOWN, Unreachable, 5, "bootstrap.servers"),
        (KafkaError._TIMED_OUT, Unreachable, 5, "make kafka"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, NotAllowed, 4, "instar doctor"),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, NotAllowed, 4, "instar doctor"),
        (KafkaError._AUTHENTICATION, NotAllowed, 4, "sasl"),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, TopicMissing, 1, "--create"),
        (KafkaError.INVALID_REQUEST, KafkaTrouble, 1, ""),
    ],
)
def test_an_error_says_what_was_done_where_and_what_to_do(
    code: int, kind: type[KafkaTrouble], exit_code: int, remedy: str
) -> None:
    made = trouble(KafkaError(code), "reading orders", "127.0.0.1:9092")
    assert type(made) is kind
    assert made.exit_code == exit_code
    assert "While reading orders" in str(made)
    assert remedy in made.remedy


def test_a_fence_and_a_group_that_went_on_are_different_things() -> None:
    for code in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.FENCED_INSTANCE_ID):
        assert is_fence(KafkaError(code))
        assert not is_stale_member(KafkaError(code))
    for code in (KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID):
        assert is_stale_member(KafkaError(code))
        assert not is_fence(KafkaError(code))
