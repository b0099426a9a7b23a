"""What each release changed in the repository that every payload carries.

What became required has to be made for older payloads: a repository is no template, has no topics and no properties of
its own, and commits need no sign-off, which is how GitHub makes one. Whether a private repository is visible to a whole
enterprise ("internal") older payloads do not say, so it counts as private. Optional fields stay absent: nothing is
claimed that the payload did not say.
"""

from instar.changes import add, compute


def visibility_of(private: bool) -> str:
    return "private" if private else "public"


SINCE_5_0_0 = [
    add("is_template", value=False),
    add("topics", value=[]),
    compute("visibility", reads=["private"], up=visibility_of),
    add("allow_auto_merge"),
    add("allow_forking"),
    add("allow_update_branch"),
]

SINCE_6_0_0 = [
    add("use_squash_pr_title_as_default"),
]

SINCE_7_0_0 = [
    add("web_commit_signoff_required", value=False),
    add("has_discussions"),
    add("merge_commit_message"),
    add("merge_commit_title"),
    add("squash_merge_commit_message"),
    add("squash_merge_commit_title"),
]

SINCE_7_6_1 = [
    add("custom_properties", value={}),
]
