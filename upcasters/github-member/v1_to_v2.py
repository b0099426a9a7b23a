"""4.0.0 to 5.0.0: whoever adds a member may say the permission; repositories tell their visibility and topics.

Written as functions: 4.0.0 knows no changes at all when a member is added, so that whether the way down drops the
field depends on the action. What is made for older repositories is explained in repository.py.
"""

from typing import Any

from repository import visibility_of

NEW_IN_REPOSITORY = frozenset(
    {"is_template", "topics", "visibility", "allow_auto_merge", "allow_forking", "allow_update_branch"}
)

# changes: only of an added member; those of an edited one go down and up again.
lost = {"down": ["changes", *sorted(f"repository.{name}" for name in NEW_IN_REPOSITORY)]}


def upcast(record: dict[str, Any], context: Any) -> dict[str, Any]:
    repository = record["repository"]
    made = {"is_template": False, "topics": [], "visibility": visibility_of(repository["private"])}
    return {**record, "repository": {**repository, **made}}


def downcast(record: dict[str, Any], context: Any) -> dict[str, Any]:
    repository = {name: value for name, value in record["repository"].items() if name not in NEW_IN_REPOSITORY}
    unknown = {"changes"} if record["action"] == "added" else set()
    return {**{name: value for name, value in record.items() if name not in unknown}, "repository": repository}
