"""From the gates of a migration's settings to their verdicts."""

import os
from collections.abc import Mapping

from instar.core.rollout.event import GateVerdict
from instar.gates.evaluate import evaluate
from instar.gates.question import AlembicQuestion, CommandQuestion, FlywayQuestion, LiquibaseQuestion, Question
from instar.project.gate import Gate
from instar.project.late import Late, Unresolved
from instar.project.project import Project


def gate_verdicts(project: Project, name: str, action: str) -> tuple[GateVerdict, ...]:
    """The verdict of each gate before ``action`` (``switch``), asked now, in the order of the settings.

    Never raises for what the world does: what cannot be asked, a missing variable included, is ``unknown`` with its
    reason. Raises KeyError where there is no such migration.
    """
    gates = project.settings.migrations[name].gates
    return tuple(_verdict(project, name, gate) for gate in gates if gate.before == action)


def _verdict(project: Project, name: str, gate: Gate) -> GateVerdict:
    told = {
        "INSTAR_GATE": gate.label,
        "INSTAR_MIGRATION": name,
        "INSTAR_BEFORE": gate.before,
        "INSTAR_ENVIRONMENT": project.environment_name,
    }
    try:
        question = _question(project, gate, told)
    except Unresolved as problem:
        return GateVerdict(gate.label, "unknown", f"{problem}; {problem.remedy}")
    return evaluate(gate.label, question, project.root, os.environ)


def _question(project: Project, gate: Gate, told: Mapping[str, str]) -> Question:
    """Raises ``Unresolved``."""

    def url(database: Late) -> str:
        return str(database.resolve(os.environ, project.root))

    if (alembic := gate.alembic) is not None:
        return AlembicQuestion(
            url(alembic.database), alembic.revision, alembic.scripts, alembic.table, alembic.table_schema
        )
    if (flyway := gate.flyway) is not None:
        return FlywayQuestion(url(flyway.database), flyway.version, flyway.table, flyway.table_schema)
    if (liquibase := gate.liquibase) is not None:
        return LiquibaseQuestion(
            url(liquibase.database),
            liquibase.changeset,
            liquibase.tag,
            liquibase.table,
            liquibase.lock_table,
            liquibase.table_schema,
        )
    if (command := gate.command) is not None:
        return CommandQuestion(command.argv, command.timeout, command.variables, told)
    raise ValueError(f"the gate {gate.label} has no tool")
