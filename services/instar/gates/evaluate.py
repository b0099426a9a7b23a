"""One gate asked now."""

from collections.abc import Mapping
from pathlib import Path

from instar.core.rollout.event import GateVerdict
from instar.deadline import Overdue, within
from instar.gates.alembic import ask_alembic
from instar.gates.answer import Answer, Unanswered
from instar.gates.command import ask_command
from instar.gates.database import reading
from instar.gates.flyway import ask_flyway
from instar.gates.liquibase import ask_liquibase
from instar.gates.question import AlembicQuestion, CommandQuestion, FlywayQuestion, LiquibaseQuestion, Question

DATABASE_TIMEOUT_S = 20.0  # whoever asks may hold a lease of 30 s
_LONGEST_EVIDENCE = 1000


def evaluate(name: str, question: Question, root: Path, environ: Mapping[str, str]) -> GateVerdict:
    """The verdict of the gate ``name``. Whatever the world does, it is an answer: ``unknown`` with its reason.

    ``root`` is where relative paths start. ``environ`` is what a program may be given of.
    """
    try:
        answer = _ask(question, root, environ)
    except Unanswered as seen:
        answer = Answer("unknown", str(seen))
    evidence = answer.evidence
    if len(evidence) > _LONGEST_EVIDENCE:
        evidence = f"{evidence[: _LONGEST_EVIDENCE - 3]}..."
    return GateVerdict(name, answer.kind, evidence)


def _ask(question: Question, root: Path, environ: Mapping[str, str]) -> Answer:
    if isinstance(question, CommandQuestion):
        return ask_command(question, root, environ)
    try:
        return within(DATABASE_TIMEOUT_S, lambda: _ask_database(question, root))
    except Overdue as error:
        said = f"no answer within {DATABASE_TIMEOUT_S:g} s: the database holds the connection and says nothing"
        raise Unanswered(said) from error


def _ask_database(question: AlembicQuestion | FlywayQuestion | LiquibaseQuestion, root: Path) -> Answer:
    with reading(question.database, root) as history:
        if isinstance(question, AlembicQuestion):
            return ask_alembic(question, history, root)
        if isinstance(question, FlywayQuestion):
            return ask_flyway(question, history)
        return ask_liquibase(question, history)
