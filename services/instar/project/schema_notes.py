"""Docs of a version, from the file that its author wrote: what registries get leaves out JSON Schema's annotations."""

import json

from instar.core.models.notes import AvroNotes, JsonNotes, Notes
from instar.core.version import label
from instar.project.project import Project
from instar.project.schema_files import FOLDER, raw_document


def notes_of(project: Project, subject: str, version: int) -> Notes:
    """What the version's document says in words; a JSON Schema that cannot be read again says nothing."""
    if project.catalogue[subject].kind == "avro":
        return AvroNotes(json.loads(project.document(subject, version)))
    found = raw_document(project.root, subject, f"{FOLDER}/{subject}/{label(version)}.json")
    return JsonNotes(*found) if found is not None else JsonNotes(None, {})
