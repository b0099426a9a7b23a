"""Sensitive fields that ``subject.toml`` names and no version does: a misspelt one would be shown after all.

Where no version can hold the field, the subject's own check has found it. An open JSON record can hold anything, so
that here it is a warning.
"""

from collections.abc import Iterator
from itertools import islice

from instar.core.finding import Finding
from instar.core.formats.shape import Array, Map, Object, Shape, Union
from instar.core.subject import Subject
from instar.core.upcasting import paths
from instar.project.model import nearest
from instar.project.schema_files import FOLDER
from instar.project.subject_file import NAME
from instar.project.toml_lines import TomlLines

_LIMIT_PATHS = 2000  # candidates for "did you mean"; a larger schema has enough of them
_LIMIT_DEPTH = 12


def misspelt_sensitive(subject: Subject, lines: TomlLines) -> Iterator[Finding]:
    """A warning for each path of an open JSON record that no version names."""
    if subject.kind != "json":
        return
    shapes = [schema.shape for schema in subject.versions.values()]
    known = {path: None for shape in shapes for path in islice(_paths(shape, "", 0), _LIMIT_PATHS)}
    for index, text in enumerate(subject.sensitive):
        if any(paths.shape_at(shape, paths.parse(text)) is not None for shape in shapes):
            continue
        close = nearest(text, known)
        yield Finding(
            code="sensitive-unknown",
            message=f"no version of {subject.name} names the sensitive field `{text}`",
            remedy=f"did you mean `{close}`?" if close else "correct it, or remove it",
            severity="warning",
            file=f"{FOLDER}/{subject.name}/{NAME}",
            line=lines.line_of(("sensitive", index)),
            path=text,
            subject=subject.name,
        )


def _paths(shape: Shape, at: str, depth: int) -> Iterator[str]:
    if depth > _LIMIT_DEPTH:
        return
    match shape:
        case Object():
            for name, field in shape.fields.items():
                place = f"{at}.{name}" if at else name
                yield place
                yield from _paths(field.shape, place, depth + 1)
        case Array(items):
            yield from _paths(items, f"{at}[]", depth + 1)
        case Map(values):
            yield from _paths(values, f"{at}{{}}", depth + 1)
        case Union(branches):
            for branch in branches:
                yield from _paths(branch, at, depth + 1)
        case _:
            return
