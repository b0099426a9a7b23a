"""Fetches PostgreSQL, Flyway and Liquibase with Maven, once, whole or not at all."""

import platform
import tarfile
import tempfile
import zipfile
from pathlib import Path

from realdatabases.locations import POM, postgresql_installation, tools_installation
from realkafka.errors import FetchFailed, Unavailable
from realkafka.fetch import fetch_whole, run_maven
from realkafka.locations import Installation, pom_version

# The names under which the archives of programs are published.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64v8"}


def fetch_postgresql() -> Installation:
    """PostgreSQL's programs, unpacked, fetched where they are not there yet.

    Raises:
        Unavailable: Java or Maven is missing, or the programs are not published for this kind of machine.
        FetchFailed: Maven failed, or what it brought is not what was expected.
    """
    architecture = ARCHITECTURES.get(platform.machine())
    if platform.system() != "Linux" or architecture is None:
        raise Unavailable(f"PostgreSQL's programs are fetched for Linux on {' and '.join(ARCHITECTURES)} only.")
    name = f"embedded-postgres-binaries-linux-{architecture}"

    def unpack(folder: Path) -> None:
        artifact = f"io.zonky.test.postgres:{name}:{pom_version('postgresql', POM)}"
        with tempfile.TemporaryDirectory(dir=folder, prefix=".unpacking-") as scratch:
            run_maven("dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={scratch}", pom=POM)
            for jar in Path(scratch).glob("*.jar"):
                _unpack(jar, folder)
        if not (folder / "bin" / "postgres").is_file():
            raise FetchFailed(
                f"{artifact} holds no bin/postgres; look at what it holds and adapt {Path(__file__).name}."
            )

    return fetch_whole(postgresql_installation(), unpack)


def fetch_tools() -> Installation:
    """Flyway's and Liquibase's jars with everything they need at run time, fetched where they are not there yet.

    Raises:
        Unavailable: Java or Maven is missing.
        FetchFailed: Maven failed, or took longer than 15 minutes.
    """

    def copy_jars(folder: Path) -> None:
        where = f"-DoutputDirectory={folder / 'libs'}"
        run_maven("dependency:copy-dependencies", "-DincludeScope=runtime", where, pom=POM)

    return fetch_whole(tools_installation(), copy_jars)


def _unpack(jar: Path, folder: Path) -> None:
    """The jar holds one archive of programs, packed with xz."""
    with zipfile.ZipFile(jar) as outer:
        for name in [name for name in outer.namelist() if name.endswith(".txz")]:
            with outer.open(name) as packed, tarfile.open(fileobj=packed, mode="r|xz") as archive:
                # Pythons before 3.11.4 have no filters; later ones refuse members that would leave the folder.
                archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
                archive.extractall(folder)  # noqa: S202 - filtered above
