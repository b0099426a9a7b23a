"""A last limit around a question: a server that is frozen keeps none of its own timeouts, and no driver notices."""

import threading
from collections.abc import Callable

from instar.gates.answer import Answer, Unanswered


def within(timeout_s: float, ask: Callable[[], Answer]) -> Answer:
    """What ``ask`` answers. Raises what it raises, and ``Unanswered`` after ``timeout_s``: the thread that waits is
    then left to itself, and keeps no process from ending."""
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            answers.append(ask())
        except BaseException as error:  # raised again below, in the thread that asked
            errors.append(error)

    waiting = threading.Thread(target=wait, name="instar-gate", daemon=True)
    waiting.start()
    waiting.join(timeout_s)
    if errors:
        raise errors[0]
    if not answers:
        raise Unanswered(f"no answer within {timeout_s:g} s; the database holds the connection and says nothing")
    return answers[0]
