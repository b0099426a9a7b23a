"""The API against its own description: whatever is sent, it answers as it says, and never with an error of ours."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.support.serving import TOKENS, served

from instar.dashboard.site import Site

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
AUTHORIZED = {"Authorization": f"Bearer {TOKENS['approver']}"}
OPERATIONS = 20  # at least
EXAMPLES = 3
CAMPAIGN_CASES = 5_000
CAMPAIGN_EXAMPLES = 500  # of each; an operation without parameters has few


@pytest.fixture
def described(site: Site) -> Any:
    """Everything but the streams, which have no end."""
    app: Any = served(site).app
    return schemathesis.openapi.from_asgi("/v1/openapi.json", app).exclude(path_regex=r"/(events|tail)$")


def answers_as_described(described: Any, examples: int, *, derandomize: bool) -> int:
    """Send so many generated requests to each operation; how many were sent. Fails for the first wrong answer."""
    sent = 0
    for found in described.get_all_operations():

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=derandomize,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=found.ok().as_strategy())
        def answers(case: Case) -> None:
            nonlocal sent
            sent += 1
            case.call_and_validate(checks=CHECKS, headers=AUTHORIZED)

        answers()
    return sent


def test_every_answer_is_as_described(described: Any) -> None:
    assert answers_as_described(described, EXAMPLES, derandomize=True) >= OPERATIONS


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_every_one_of_five_thousand_answers_is_as_described(described: Any) -> None:
    sent = answers_as_described(described, CAMPAIGN_EXAMPLES, derandomize=False)
    print(f"\n{sent:,} requests, each answered as described")
    assert sent >= CAMPAIGN_CASES
