"""Where the demonstration's project comes from: the showcase in the package, or the repository beside it."""

import shutil
from pathlib import Path

import instar

SUBJECT = "orders"
MIGRATION = "orders-v3"


class NoShowcase(Exception):
    """Neither the package nor the repository around it holds the showcase's schemas and hops."""


def showcase_root() -> Path:
    """The folder that holds ``schemas/`` and ``upcasters/`` of the showcase."""
    package = Path(instar.__file__).parent
    for root in (package / "showcase", package.parent.parent):
        if (root / "schemas" / SUBJECT).is_dir() and (root / "upcasters" / SUBJECT).is_dir():
            return root
    raise NoShowcase(f"{package} has no showcase: this installation is incomplete")


def copy_subject(folder: Path, subject: str) -> None:
    """Copy a subject of the showcase, schemas and hops, into a project's folder."""
    root = showcase_root()
    for kind in ("schemas", "upcasters"):
        shutil.copytree(root / kind / subject, folder / kind / subject, ignore=shutil.ignore_patterns("__pycache__"))


def make_project(folder: Path, prefix: str, bootstrap: str) -> None:
    """Write the demonstration's project: the showcase's subject, and one migration with both bridges."""
    copy_subject(folder, SUBJECT)
    (folder / "instar.toml").write_text(
        f"""\
format = 1

[environments.local]
kafka = {{ "bootstrap.servers" = "{bootstrap}" }}
registry = {{ url = "files" }}

[migrations.{MIGRATION}]
subjects  = ["{SUBJECT}"]
source    = {{ topic = "{prefix}orders", framing = "registry-prefix" }}
target    = {{ topic = "{prefix}orders.v3", version = "v3" }}
reverse   = {{ version = "v1", carry_lost = true }}
producers = "both"
""",
        encoding="utf-8",
    )
