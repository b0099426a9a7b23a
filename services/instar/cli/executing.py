"""Which executor carries the records: ``--executor reference`` is the way out, should the fast one be in doubt."""

from enum import StrEnum
from typing import Annotated

import typer

from instar.core.upcasting.spans.executor import ExecutorName


class ExecutorKind(StrEnum):
    SPANS = "spans"
    REFERENCE = "reference"


ExecutorOption = Annotated[
    ExecutorKind,
    typer.Option("--executor", help="reference: decode each record and run each hop, as the verifier does. Slower."),
]


def executor_of(kind: ExecutorKind) -> ExecutorName:
    return "reference" if kind is ExecutorKind.REFERENCE else "spans"
