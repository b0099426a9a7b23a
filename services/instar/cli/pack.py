"""``instar pack``: schemas and hops as a Python wheel, for programs in other repositories."""

import json
from pathlib import Path
from typing import Annotated

import typer

from instar.cli import completing
from instar.cli.exits import OK, USAGE, fail
from instar.cli.output import Format, print_rows
from instar.cli.scope import EnvironmentOption, ProjectOption, open_project, subject_of
from instar.project.pack import FOLDER, GROUP, MANIFEST, content, manifest
from instar.project.wheel import file_name, is_name, is_version, wheel

_COLUMNS = {"file": "file", "subjects": "subjects", "files": "files", "bytes": "bytes", "fingerprint": "fingerprint"}


def add_to(app: typer.Typer) -> None:
    app.command("pack")(pack)


def pack(
    name: Annotated[str, typer.Argument(help="The distribution's name, such as shop-formats.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Its version, such as 1.4.0.")],
    subjects: Annotated[
        list[str] | None,
        typer.Option("--subject", "-s", help="All of them by default.", autocompletion=completing.subjects),
    ] = None,
    folder: Annotated[Path, typer.Option("--out", help="Where the wheel goes.")] = Path("dist"),
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Build a wheel of schemas and hops that `instar.client` reads from: `InstarDeserializer.from_pack(NAME)`.

    Examples stay behind. The same project gives the same bytes.
    """
    if not is_name(name):
        fail(f"{name!r} is no name for a distribution.", "Use letters, digits and hyphens: shop-formats.", USAGE)
    if not is_version(version):
        fail(f"{version!r} is no version.", "Write it like 1.4.0 or 2.0rc1.", USAGE)
    opened = open_project(project, environment)
    names = [subject_of(opened, each).name for each in subjects or sorted(opened.catalogue.subjects)]
    if not names:
        fail("The project has no subjects to pack.", "Add schemas/SUBJECT/v1.avsc or v1.json.")
    files = content(opened, names)
    said = manifest(name, version, opened, names, files)
    inside = {f"{FOLDER}/{path}": data for path, data in files.items()}
    inside[MANIFEST] = (json.dumps(said, indent=1, sort_keys=True) + "\n").encode()
    path = folder / file_name(name, version)
    data = wheel(name, version, f"Formats of {', '.join(names)}.", GROUP, inside)
    if path.exists() and path.read_bytes() != data:
        fail(
            f"{path} exists and holds something else.",
            "A version that was given out stays what it was: use the next version, or remove the file.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    row = {
        "file": str(path),
        "subjects": ", ".join(names) if output is Format.TABLE else names,
        "files": len(files),
        "bytes": len(data),
        "fingerprint": said["fingerprint"],
    }
    print_rows([row], _COLUMNS, output)
    return OK
