"""Telling a program: the message as JSON on its stdin."""

from instar.notify.message import Message
from instar.notify.outcome import Told
from instar.notify.targets import Program
from instar.program import plain_environ, run_program

TIMEOUT_S = 10.0
_SHOWN_CHARACTERS = 300


def tell_program(target: Program, message: Message) -> Told:
    """Reached once it ends with 0. Not tried again: what it did until it failed is not known."""
    whom = f"command {target.argv[0]}"
    try:
        ended = run_program(
            target.argv,
            folder=target.folder,
            environ=plain_environ(target.environ),
            timeout_s=TIMEOUT_S,
            stdin=message.body(),
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        return Told(whom, f"it cannot be started: {error.strerror if isinstance(error, OSError) else error}")
    if ended.exit_code == 0:
        return Told(whom)
    how = (
        f"it ended with {ended.exit_code}" if ended.exit_code is not None else f"it did not end within {TIMEOUT_S:g} s"
    )
    said = ended.output[-_SHOWN_CHARACTERS:]
    return Told(whom, f"{how}: {said}" if said else how)
