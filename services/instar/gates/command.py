"""The gate that asks a program: 0 is yes, 3 is no, anything else is unknown."""

from collections.abc import Mapping
from pathlib import Path

from instar.gates.answer import Answer, Unanswered
from instar.gates.question import CommandQuestion
from instar.program import Ended, plain_environ, run_program

YES, NO = 0, 3  # 3 is also how instar's own commands say no
_SHOWN_CHARACTERS = 500
_SHORTEST_SECRET = 4  # of a variable's value; to hide shorter ones would take words apart and hide nothing


def ask_command(question: CommandQuestion, root: Path, environ: Mapping[str, str]) -> Answer:
    """Raises ``Unanswered`` where the program cannot be started."""
    given = plain_environ(environ, question.variables)
    try:
        ended = run_program(
            question.argv, folder=root, environ={**given, **question.told}, timeout_s=question.timeout_s
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Unanswered(f"{question.argv[0]} cannot be started: {reason}") from error
    said = _said(ended, [given[name] for name in question.variables if name in given])
    if ended.exit_code is None:
        late = f"did not end within {question.timeout_s:g} s and was stopped"
        return Answer("unknown", f"{question.argv[0]} {late}{said}")
    if ended.exit_code < 0:
        return Answer("unknown", f"{question.argv[0]} was ended by signal {-ended.exit_code}{said}")
    evidence = f"{question.argv[0]} ended with {ended.exit_code}{said}"
    if ended.exit_code == YES:
        return Answer("applied", evidence)
    if ended.exit_code == NO:
        return Answer("not-applied", evidence)
    return Answer("unknown", f"{evidence} (0 is yes, 3 is no)")


def _said(ended: Ended, passed_on: list[str]) -> str:
    """The end of its output, without the values of the variables that were passed on."""
    output = ended.output
    for value in sorted(passed_on, key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:
            output = output.replace(value, "***")
    if not output:
        return ""
    return f": {'...' if len(output) > _SHOWN_CHARACTERS else ''}{output[-_SHOWN_CHARACTERS:]}"
