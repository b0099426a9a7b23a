"""Who may write a topic, by the cluster's access rules."""

import pytest

from instar.core.fence import EVERYBODY, Rule, writers

OWN = "User:instar"


def allow(principal: str, operation: str = "WRITE", host: str = "*") -> Rule:
    return Rule(principal, host, operation, allows=True)


def deny(principal: str, operation: str = "WRITE", host: str = "*") -> Rule:
    return Rule(principal, host, operation, allows=False)


@pytest.mark.parametrize(
    ("rules", "others"),
    [
        ([], []),
        ([allow(OWN)], []),
        ([allow(OWN), allow("User:shop")], ["User:shop"]),
        ([allow("User:shop", "ALL")], ["User:shop"]),
        ([allow("User:shop", "READ"), allow("User:shop", "DESCRIBE")], []),
        ([allow("User:shop", host="10.0.0.1")], ["User:shop"]),
        ([allow(EVERYBODY)], [EVERYBODY]),
        ([allow("User:shop"), deny("User:shop")], []),
        ([allow("User:shop"), deny("User:shop", "ALL")], []),
        ([allow("User:shop"), deny("User:shop", "READ")], ["User:shop"]),
        ([allow("User:shop"), deny("User:shop", host="10.0.0.1")], ["User:shop"]),
        ([allow(EVERYBODY), deny("User:shop")], [EVERYBODY]),
        ([allow("User:shop"), deny(EVERYBODY)], []),
        ([allow("User:b"), allow("User:a")], ["User:a", "User:b"]),
    ],
)
def test_whoever_else_may_write_is_named(rules: list[Rule], others: list[str]) -> None:
    assert writers(rules, OWN) == others


def test_without_a_name_of_our_own_nobody_is_taken_for_us() -> None:
    assert writers([allow(OWN)], None) == [OWN]
