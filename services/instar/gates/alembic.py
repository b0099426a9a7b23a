"""The gate that reads Alembic's ``alembic_version``."""

from pathlib import Path

from sqlalchemy import select

from instar.gates.alembic_scripts import Scripts, read_scripts
from instar.gates.answer import Answer
from instar.gates.database import History, columns
from instar.gates.question import AlembicQuestion


def ask_alembic(question: AlembicQuestion, history: History, root: Path) -> Answer:
    """The table holds the heads alone: a revision behind one of them is found by the scripts, and is unknown without.

    Raises ``Unanswered``.
    """
    place = f"{history.place} {question.table}"
    scripts = read_scripts(tuple(root / each for each in question.scripts)) if question.scripts else None
    found = history.find(question.table, question.schema)
    if found is None:
        return Answer("not-applied", f"{place}: there is no such table, so Alembic has applied nothing here")
    (number,) = columns("version_num")
    rows = history.rows(select(number).select_from(found).order_by(number))
    heads = [str(row.version_num or "") for row in rows]
    if not all(heads):
        return Answer("dirty", f"{place}: a row without a revision")
    stands = f"{place}: at {', '.join(heads) or 'no revision'}"
    if not heads:
        return Answer("not-applied", stands)
    if scripts is not None and (twice := scripts.one_behind_another(heads)) is not None:
        return Answer("dirty", f"{stands}, although {twice[0]} lies behind {twice[1]}; mend it with `alembic stamp`")
    if question.revision in heads:
        return Answer("applied", stands)
    if scripts is None:
        unsaid = f"whether {question.revision} lies behind is written in the scripts: add them to the gate"
        return Answer("unknown", f"{stands}; {unsaid}")
    return _behind(scripts.full(question.revision), heads, scripts, stands)


def _behind(wanted: str, heads: list[str], scripts: Scripts, stands: str) -> Answer:
    for head in heads:
        if wanted == head or wanted in scripts.behind(head):
            return Answer("applied", f"{stands}, which has {wanted}")
    strange = [head for head in heads if head not in scripts]
    if strange:
        return Answer("unknown", f"{stands}; the scripts do not have {', '.join(strange)}: are they of this database?")
    return Answer("not-applied", f"{stands}; {wanted} comes later, or on another branch")
