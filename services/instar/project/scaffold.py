"""What ``instar init FOLDER`` writes: a project that checks clean, with one subject and room for its next version."""

import re
from importlib.resources import files
from pathlib import Path
from string import Template

# Template in the package -> file in the project. Dots at the front are added here, so that packaging keeps them.
_FILES = {
    "instar.toml": "instar.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "orders.v1.avsc": "schemas/orders/v1.avsc",
    "subject.toml": "schemas/orders/subject.toml",
    "first.v1.json": "schemas/orders/examples/first.v1.json",
}
_EMPTY = "upcasters/orders/.gitkeep"  # version control keeps no empty folder
_PRESERVED = frozenset({"README.md", ".gitignore"})  # of a folder that is in use already


class AlreadyThere(Exception):
    """The folder holds a file that would be overwritten. ``file`` is its path, relative to the folder."""

    def __init__(self, file: str) -> None:
        super().__init__(f"{file} is there already, and nothing is overwritten")
        self.file = file
        self.remedy = "choose another folder; in a project, add schemas/SUBJECT/v1.avsc by hand"


def init(folder: Path) -> list[str]:
    """Write a new project and return its files, relative to the folder; a README.md or .gitignore there is kept.

    Raises ``AlreadyThere`` before anything is written, OSError when the folder cannot be written.
    """
    name = folder.resolve().name
    values = {"name": name, "namespace": _namespace(name)}
    texts = {file: _template(template).substitute(values) for template, file in _FILES.items()}
    texts = {file: text for file, text in texts.items() if file not in _PRESERVED or not (folder / file).exists()}
    texts[_EMPTY] = ""
    for file in texts:
        if (folder / file).exists():
            raise AlreadyThere(file)
    for file, text in texts.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as out:  # "x": not even one that came into being just now
            out.write(text)
    return sorted(texts)


def _template(name: str) -> Template:
    return Template((files("instar.project") / "templates" / name).read_text(encoding="utf-8"))


def _namespace(name: str) -> str:
    """The folder's name as an Avro namespace: letters, digits and _, not beginning with a digit."""
    made = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")
    return made if made and not made[0].isdigit() else f"n{made}"
