"""5.0.0 to 6.0.0: deployments have a payload and a description, and name the run that they come from.

Version 5.0.0 knows only deployments without either: on the way down the payload becomes empty and the description null.
"""

from typing import Any

import repository

from instar.changes import add, allow_absent, convert, inside


def as_it_is(value: Any) -> Any:
    return value


def empty(_payload: dict[str, Any]) -> dict[str, Any]:
    return {}


def nothing(_description: str | None) -> None:
    return None


changes = [
    inside("repository", repository.SINCE_6_0_0),
    convert("deployment.payload", up=as_it_is, down=empty),
    convert("deployment.description", up=as_it_is, down=nothing),
    allow_absent("deployment.performed_via_github_app", absent=None),
    add("deployment.production_environment"),
    add("deployment.transient_environment"),
    add("check_run"),
    add("workflow"),
    add("workflow_run"),
]

lost = {"down": ["deployment.payload", "deployment.description"]}
