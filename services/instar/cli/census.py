"""``instar census``: who still reads and writes which version."""

import typer

from instar.cli import census_run, census_scan, census_show


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Who still reads and writes which version.", no_args_is_help=True)
    for verb in (census_run, census_show, census_scan):
        verb.add_to(group)
    app.add_typer(group, name="census")
