"""Project folders for tests: written from a table of files."""

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

SETTINGS = "format = 1\n"


def write_files(root: Path, files: Mapping[str, Any]) -> Path:
    """Write each file; text is dedented, anything else is written as JSON. None leaves it out."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink(missing_ok=True)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(_text(content) if isinstance(content, str) else json.dumps(content, indent=2))
    return root


def _text(content: str) -> str:
    """Text that begins with an indented line below the quotes is a block of the test's own indentation."""
    return dedent(content).removeprefix("\n") if content.startswith("\n ") else content


def json_object(required: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A JSON Schema of an object that requires all these properties."""
    return {"type": "object", "properties": dict(required), "required": list(required), **more}


TEXT = {"type": "string"}

# A sound subject of three versions with hops of functions, one example at both ends.
PEOPLE: Mapping[str, Any] = {
    "instar.toml": SETTINGS,
    "schemas/people/v1.json": json_object({"name": TEXT}),
    "schemas/people/v2.json": json_object({"full_name": TEXT}),
    "schemas/people/v3.json": json_object({"full_name": TEXT, "kind": {"enum": ["person"]}}),
    "schemas/people/subject.toml": """
        owner = "people team"
        sensitive = ["name"]
        """,
    "schemas/people/examples/ada.v1.json": {"name": "Ada"},
    "schemas/people/examples/ada.v3.json": {"full_name": "Ada", "kind": "person"},
    "upcasters/people/v1_to_v2.py": """
        \"\"\"The name is called what it is.\"\"\"

        def upcast(record, context):
            record = dict(record)
            record["full_name"] = record.pop("name")
            return record

        def downcast(record, context):
            record = dict(record)
            record["name"] = record.pop("full_name")
            return record
        """,
    "upcasters/people/v2_to_v3.py": """
        \"\"\"People are of a kind.\"\"\"
        from helper import KIND

        lost = {"down": ["kind"]}

        def upcast(record, context):
            return {**record, "kind": KIND}

        def downcast(record, context):
            return {name: value for name, value in record.items() if name != "kind"}
        """,
    "upcasters/people/helper.py": """
        KIND = "person"
        """,
}
