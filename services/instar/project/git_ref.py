"""A project's schemas as they are in a git commit, for comparison with the folder's."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from instar.project.schema_files import FOLDER

_TIMEOUT_S = 60


class NoSuchRef(Exception):
    """Git cannot show the project at that place. ``remedy`` says what to do."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@contextmanager
def schemas_at(root: Path, ref: str) -> Iterator[Path]:
    """A folder that holds ``schemas/`` as it was at ``ref``; it goes away afterwards. The work tree is not touched.

    Raises ``NoSuchRef``: no git, no repository, no such commit.
    """
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", ref=ref)
    prefix = _git(root, "rev-parse", "--show-prefix", ref=ref).decode().strip()
    name = commit.decode().strip()
    with TemporaryDirectory(prefix="instar-") as folder:
        if _git(root, "ls-tree", "-z", name, f"./{FOLDER}", ref=ref):
            tree = f"{name}:{prefix.rstrip('/')}" if prefix else name
            archive = _git(root, "archive", "--format=tar", tree, "--", FOLDER, ref=ref, at_top=True)
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                tar.extractall(folder, filter="data")
        yield Path(folder)


def _git(root: Path, *arguments: str, ref: str, at_top: bool = False) -> bytes:
    where = _top(root, ref) if at_top else root
    try:
        ran = subprocess.run(  # noqa: S603 - our own arguments, no shell
            ["git", "-C", str(where), *arguments],  # noqa: S607 - the git that the user has
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except FileNotFoundError as error:
        raise NoSuchRef("There is no git here to show an earlier state.", remedy="Install git.") from error
    except subprocess.TimeoutExpired as error:
        raise NoSuchRef(f"git did not answer within {_TIMEOUT_S} s.", remedy="Try again.") from error
    if ran.returncode == 0:
        return ran.stdout
    said = ran.stderr.decode("utf-8", "replace").strip().splitlines()
    if said:
        raise NoSuchRef(f"git cannot show {ref}: {said[-1]}", remedy="Is the project in a git repository?")
    raise NoSuchRef(
        f"There is no commit {ref!r}.",
        remedy=f"In CI, fetch it first: git fetch origin {ref.removeprefix('origin/')}; or check out the whole "
        "history (actions/checkout: fetch-depth: 0, GitLab: GIT_DEPTH: 0).",
    )


def _top(root: Path, ref: str) -> Path:
    return Path(_git(root, "rev-parse", "--show-toplevel", ref=ref).decode().strip())
