"""Where the next hop of a subject belongs, and writing it there."""

from pathlib import Path

from instar.core.version import label
from instar.project.hops import FOLDER
from instar.project.project import Project


class HopThere(Exception):
    """The file is there already: what somebody wrote is never replaced."""

    def __init__(self, file: str) -> None:
        super().__init__(f"{file} is there already, and nothing is overwritten")
        self.file = file


def hop_file(subject: str, from_version: int) -> str:
    """Relative to the project's root."""
    return f"{FOLDER}/{subject}/{label(from_version)}_to_{label(from_version + 1)}.py"


def missing_hops(project: Project, subject: str) -> list[int]:
    """The versions from which no hop's file leads on, though there is a next version; the newest first."""
    versions = project.catalogue[subject].versions
    return [
        version
        for version in sorted(versions, reverse=True)
        if version + 1 in versions and not (project.root / hop_file(subject, version)).exists()
    ]


def write_hop(root: Path, subject: str, from_version: int, text: str) -> str:
    """Write a new hop and return its file. Raises ``HopThere``, OSError."""
    file = hop_file(subject, from_version)
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as out:
            out.write(text)
    except FileExistsError as error:
        raise HopThere(file) from error
    return file
