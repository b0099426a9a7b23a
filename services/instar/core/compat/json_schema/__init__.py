"""Containment of JSON schemas: ``check(old, new)`` says whether, and if not why not, one side reads the other.

The theory is in ``check``; the folder reads top down: ``document`` (places, references), ``translate``
(schema to formula), ``prove`` and ``theories`` (is a formula empty?), ``explain`` (which keyword is to blame).
"""

from instar.core.compat.json_schema.check import Documents, Mode, Policy, check, contained
from instar.core.compat.json_schema.document import Schema
from instar.core.compat.json_schema.finding import ABSENT, Absent, Direction, Finding

__all__ = [
    "ABSENT",
    "Absent",
    "Direction",
    "Documents",
    "Finding",
    "Mode",
    "Policy",
    "Schema",
    "check",
    "contained",
]
