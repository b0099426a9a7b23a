"""What a check found in a project: which file, what is wrong, what to do."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of ``instar check``.

    ``file`` is relative to the project root, ``line`` is 1-based (None: the whole file), ``path`` is a field path
    inside a record or schema. ``remedy`` is what to do, with the line to add where there is one.
    """

    code: str
    message: str
    remedy: str
    severity: Severity = "error"
    file: str | None = None
    line: int | None = None
    path: str | None = None
    subject: str | None = None
