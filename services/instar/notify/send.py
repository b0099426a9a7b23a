"""One message to everybody who is to be told."""

from collections.abc import Iterable
from typing import Any

from instar.notify.message import Message
from instar.notify.outcome import Told
from instar.notify.program import tell_program
from instar.notify.targets import Target, Webhook
from instar.notify.webhook import tell_webhook


def send(targets: Iterable[Target], message: Message) -> dict[str, Any]:
    """Tell each, whatever became of the others: ``{"reached": [WHOM, ...], "not_reached": {WHOM: WHY, ...}}``.

    Raises nothing for what the world does. A web hook takes 14 s at most and a program 10 s: whoever tells may hold a
    lease of 30 s.
    """
    return evidence([_tell(target, message) for target in targets])


def evidence(told: Iterable[Told]) -> dict[str, Any]:
    each = list(told)
    return {
        "reached": [one.whom for one in each if not one.why_not],
        "not_reached": {one.whom: one.why_not for one in each if one.why_not},
    }


def _tell(target: Target, message: Message) -> Told:
    return tell_webhook(target, message) if isinstance(target, Webhook) else tell_program(target, message)
