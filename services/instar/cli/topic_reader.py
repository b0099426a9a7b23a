"""The options that say how to read a topic."""

from typing import Annotated

import typer

from instar.cli import completing

SubjectOption = Annotated[
    str | None,
    typer.Option(
        "--subject",
        "-s",
        metavar="SUBJECT",
        help="What the records are, where no migration names the topic.",
        autocompletion=completing.subjects,
    ),
]
FramingOption = Annotated[
    str | None,
    typer.Option(
        "--framing",
        metavar="KIND[:NAME]",
        help="How they carry their version, where no migration names the topic: registry-prefix, "
        "registry-header[:HEADER], version-header[:HEADER], payload-field:FIELD, none:v1.",
    ),
]
MigrationOption = Annotated[
    str | None,
    typer.Option(
        "--migration",
        metavar="MIGRATION",
        help="As which migration's topic to read it, where several name it.",
        autocompletion=completing.migrations,
    ),
]
