"""The API against its own description: whatever is sent, it answers as it says, and never with an error of ours."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
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
OPERATIONS = 20  # at least; so many examples of each make the campaign's 5,000 cases
EXAMPLES, CAMPAIGN_EXAMPLES = 3, 250


@pytest.fixture
def described(site: Site) -> Any:
    """Everything but the stream, which has no end."""
    app: Any = served(site).app
    return schemathesis.openapi.from_asgi("/v1/openapi.json", app).exclude(path_regex=r"/events$")


api = schemathesis.pytest.from_fixture("described")
_ANY = list(HealthCheck)


@api.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=_ANY)
def test_every_answer_is_as_described(case: Case) -> None:
    case.call_and_validate(checks=CHECKS, headers=AUTHORIZED)


@pytest.mark.slow
@api.parametrize()
@settings(max_examples=CAMPAIGN_EXAMPLES, deadline=None, database=None, derandomize=False, suppress_health_check=_ANY)
def test_every_one_of_five_thousand_answers_is_as_described(case: Case) -> None:
    case.call_and_validate(checks=CHECKS, headers=AUTHORIZED)


def test_the_campaign_has_its_five_thousand_cases(described: Any) -> None:
    assert len(list(described.get_all_operations())) >= OPERATIONS
    assert OPERATIONS * CAMPAIGN_EXAMPLES >= 5_000
