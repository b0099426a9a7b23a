"""A file that appears whole or not at all: written beside its place, synced, renamed."""

import os
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO

from instar.archives.errors import Unusable


class Draft:
    """``keep`` puts it in its place, ``discard`` leaves nothing; one of the two must be called.

    Raises ``Unusable`` when the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            descriptor, name = mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        except OSError as error:
            raise Unusable(
                f"{path} cannot be written: {error.strerror}.", remedy="Name a folder that exists and can be written."
            ) from error
        self._temporary = Path(name)
        self.file: BinaryIO = os.fdopen(descriptor, "wb")

    def seal(self) -> None:
        """All that was written is on the disk; nothing is visible yet."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()

    def keep(self, *, replace: bool) -> None:
        """Raises ``Unusable`` when there is a file of that name by now and it must not be replaced."""
        if replace:
            self._temporary.replace(self.path)
        else:
            self._link()
        # mkstemp makes a file for its owner alone; the result has the mode of any other new file.
        mask = os.umask(0)
        os.umask(mask)
        self.path.chmod(0o666 & ~mask)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _link(self) -> None:
        """A link fails where the name is taken, which a rename does not."""
        try:
            os.link(self._temporary, self.path)
        except FileExistsError as error:
            raise already_there(self.path) from error
        except OSError:  # a file system without links: look, then rename
            if self.path.exists():
                raise already_there(self.path) from None
            self._temporary.replace(self.path)
        else:
            self._temporary.unlink()

    def discard(self) -> None:
        self.file.close()
        self._temporary.unlink(missing_ok=True)


def already_there(path: Path) -> Unusable:
    return Unusable(f"{path} is there already.", remedy="Name another file, or say --force to replace it.")
