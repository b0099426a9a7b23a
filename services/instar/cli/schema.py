"""``instar schema``: what a format was, is, and how it changes."""

import typer

from instar.cli import schema_check, schema_deprecate, schema_diff, schema_list, schema_pull, schema_register


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Schemas: list them, compare versions, check compatibility, exchange them with a registry.",
        no_args_is_help=True,
    )
    for verb in (schema_list, schema_diff, schema_check, schema_pull, schema_register, schema_deprecate):
        verb.add_to(group)
    app.add_typer(group, name="schema")
