"""What each release changed in a GitHub app: the permissions it may hold, and the events it may subscribe to.

An event that the other version does not know leaves the app's list, on both ways; everything else in it stays.
"""

from collections.abc import Callable

from instar.changes import add, convert

Events = list[str]

NEW_IN_5_0_0 = frozenset({"branch_protection_rule"})
NEW_IN_7_0_0 = frozenset(
    {
        "merge_group",
        "merge_queue_entry",
        "projects_v2_item",
        "pull_request_review_thread",
        "secret_scanning_alert_location",
        "security_and_analysis",
        "workflow_job",
    }
)
NEW_IN_7_6_1 = frozenset({"dependabot_alert", "deployment_protection_rule", "repository_ruleset"})
GONE_IN_7_6_1 = frozenset({"content_reference"})


def without(unknown: frozenset[str]) -> Callable[[Events], Events]:
    def known_ones(events: Events) -> Events:
        return [event for event in events if event not in unknown]

    return known_ones


def all_of_them(events: Events) -> Events:
    return events


SINCE_5_0_0 = [
    add("permissions.keys"),
    convert("events", up=all_of_them, down=without(NEW_IN_5_0_0)),
]

SINCE_7_0_0 = [
    add("permissions.blocking"),
    add("permissions.followers"),
    add("permissions.gpg_keys"),
    add("permissions.interaction_limits"),
    add("permissions.merge_queues"),
    add("permissions.plan"),
    add("permissions.starring"),
    add("permissions.watching"),
    convert("events", up=all_of_them, down=without(NEW_IN_7_0_0)),
]

SINCE_7_6_1 = [
    convert("events", up=without(GONE_IN_7_6_1), down=without(NEW_IN_7_6_1)),
]
