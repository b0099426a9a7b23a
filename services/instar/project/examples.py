"""Golden records: ``schemas/<subject>/examples/refund.v1.json`` and ``refund.v3.json`` are one event at two versions.

JSON examples are records as they are; Avro examples are written in the notation of ``core.formats.values_json``.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from instar.core.finding import Finding
from instar.core.formats.schema import Schema
from instar.core.formats.values_json import value_of_text
from instar.core.rejected import UNREADABLE, Rejected
from instar.core.version import label, parse_label
from instar.project.schema_files import EXAMPLES, FOLDER

_NAME = re.compile(r"(.+)\.(v[0-9]+)\.json\Z")

Examples = dict[tuple[str, int], bytes]


def read_examples(
    root: Path, subject: str, schemas: Mapping[int, Schema], unreadable: set[int]
) -> tuple[Examples, list[Finding]]:
    """Every example, encoded as a record's value would be, by stem and version.

    ``unreadable`` are versions whose schema is there and broken: their examples cannot be read and are not findings.
    """
    examples: Examples = {}
    found: list[Finding] = []
    folder = root / FOLDER / subject / EXAMPLES
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or not path.is_file():
            continue
        file = path.relative_to(root).as_posix()
        match = _NAME.match(path.name)
        version = parse_label(match[2]) if match else None
        if match is None or version is None:
            message = f"{path.name} is not named like an example, so that it is not read as one"
            remedy = "name it NAME.v1.json"
            found.append(Finding("example-misnamed", message, remedy, "warning", file, subject=subject))
        elif version in schemas:
            data = _encoded(path, schemas[version])
            if isinstance(data, Rejected):
                message = f"the example is not a record of {label(version)}: {data.message}"
                remedy = "correct the example, or the schema"
                found.append(Finding("example-invalid", message, remedy, file=file, path=data.path, subject=subject))
            else:
                examples[match[1], version] = data
        elif version not in unreadable:
            message = f"{file} is an example of {label(version)}, which {subject} does not have"
            found.append(Finding("example-without-version", message, "rename or delete it", file=file, subject=subject))
    return examples, found


def _encoded(path: Path, schema: Schema) -> bytes | Rejected:
    try:
        data = path.read_bytes()
    except OSError as error:
        return Rejected(UNREADABLE, f"the file cannot be read: {error.strerror}")
    value = value_of_text(schema, data)
    if isinstance(value, Rejected):
        return value
    return schema.problem(value) or schema.encode(value)
