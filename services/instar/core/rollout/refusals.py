"""The named refusals of the table: why an event leads nowhere in a place, and what to do instead."""

from instar.core.rollout.decision import Refused

REFUSALS: dict[str, tuple[str, str]] = {
    "not-applied": ("{m} is a draft: nothing of it exists yet.", "Run `instar apply {m}` first."),
    "not-replayed": ("No bridge of {m} has been seen at work yet.", "Start `instar worker {m}`."),
    "not-caught-up": (
        "The up bridge of {m} has not caught up in every partition.",
        "`instar watch {m}` shows its lag; add workers or wait.",
    ),
    "not-verified": (
        "{m} has no fresh verification of this plan, or its last one found a mismatch.",
        "Run `instar verify {m}`.",
    ),
    "not-switched": (
        "{m} has not been switched: the old topic has authority.",
        "Before a switch there is `instar abandon {m}`; `instar status {m}` shows where it stands.",
    ),
    "switched": (
        "{m} is switched: producers write the new topic, so it cannot be abandoned.",
        "Run `instar rollback {m}` first.",
    ),
    "retired": ("{m} is retired, which is final.", "A new migration starts from its target topic."),
    "abandoned": ("{m} was abandoned, which is final.", "Plan a migration under a new name."),
    "nothing-underway": ("Nothing of {m} is in progress.", "`instar status {m}` shows where it stands."),
    "busy": (
        "The transition {t} of {m} is in progress.",
        "Finish it by running `instar {t} {m}` again, or undo it with --revert.",
    ),
    "another-transition": (
        "The transition {t} of {m} is in progress, begun by {a}.",
        "Finish it by running `instar {t} {m}` again, or undo it with --revert where that is still possible.",
    ),
    "past-return": (
        "The transition {t} of {m} is past its point of no return.",
        "Finish it by running `instar {t} {m}` again; a finished switch is taken back by `instar rollback {m}`.",
    ),
    "in-doubt": (
        "A step of {t} that cannot be undone was begun, and whether it came about cannot be told now.",
        "Run `instar {t} {m}` again to finish it, or --revert again when the cluster answers.",
    ),
    "no-step": ("No step of {m} is in progress.", "This is a fault of the coordinator: please report it."),
    "wrong-step": (
        "The outcome is of another step than the one in progress.",
        "Another coordinator may be at work: run the command again.",
    ),
    "no-lesson-due": ("{m} has no rollback without a lesson.", "Nothing needs to be recorded."),
    "lesson-empty": ("A lesson names cause, fix and lesson.", "Give --cause, --fix and --lesson, each in a sentence."),
    "lesson-due": (
        "{m} was rolled back, and what that taught has not been recorded.",
        "Record it first: cause, fix and lesson.",
    ),
    "plan-stale": ("The plan was made from another state of the project.", "Run `instar plan {m}` again."),
    "other-topics": (
        "The plan names other topics than those that {m} was switched between.",
        "Roll back first, or plan a new migration.",
    ),
    "drifted": (
        "The project has changed since the plan of {m} was applied.",
        "Plan and apply again, or take the files from version control.",
    ),
    "waiver-unnamed": (
        "A waiver says what it waives, by whom and why.",
        "Name all three: --waive WHAT, --by, --reason.",
    ),
    "gate-closed": ("A gate before {t} of {m} is not open.", "Do what it waits for, or waive it by name."),
    "limit-breached": ("A limit of {m} is breached or cannot be judged.", "Find out why, or waive it by name."),
    "group-unmovable": (
        "A consumer group that {t} would move has no position in the topic that it leaves.",
        "Correct its name, let it commit there once, or name the groups that move: --canary, --group.",
    ),
    "no-approval": (
        "{t} of {m} needs the approval of somebody else.",
        "Ask for it: `instar approve` by another person.",
    ),
    "approval-of-other": (
        "The approval is for another action or another plan.",
        "Ask for the approval of this one.",
    ),
    "approval-own": ("Nobody approves what they asked for themselves.", "Let somebody else approve it."),
    "approval-expired": ("The approval has expired.", "Ask for it again."),
    "no-way-back": (
        "{m} has no reverse bridge: what was written to the new topic cannot be carried back.",
        "Go forward: fix the hop in a new version and migrate to it.",
    ),
    "readers-remain": (
        "Somebody may still depend on the old topic of {m}; unknown counts as a reader.",
        "`instar can-retire` names them.",
    ),
    "no-archive": (
        "Retiring {m} deletes the old topic, and no archive of it was named.",
        "Name one, or waive it: --no-archive --reason.",
    ),
    "reason-missing": ("{t} of {m} needs a reason, for those who will ask later.", "Give --reason."),
}


def refuse(code: str, migration: str, transition: str = "", actor: str = "", evidence: tuple[str, ...] = ()) -> Refused:
    """A named refusal. KeyError: a code that is not in the list, which is a fault of ours."""
    message, remedy = REFUSALS[code]
    names = {"m": migration, "t": transition, "a": actor}
    return Refused(code, message.format(**names), remedy.format(**names), evidence)
