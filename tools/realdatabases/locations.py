"""Where the database and the migration tools live: `.cache/` of the repository, one folder a version.

The versions come from this folder's `pom.xml`, so that they are written down once.
"""

import hashlib
import re
from pathlib import Path

from realkafka.locations import CACHE, Installation, pom_version

POM = Path(__file__).with_name("pom.xml")
DEBIAN = Path("/usr/lib/postgresql")


def postgresql_installation() -> Installation:
    """PostgreSQL as an archive of programs: `bin/`, `lib/`, `share/`."""
    version = pom_version("postgresql", POM)
    return Installation("PostgreSQL", version, CACHE / f"postgresql-{version}")


def tools_installation() -> Installation:
    """Flyway, Liquibase and the drivers they need; the jars are in the subfolder `libs`.

    The folder's name carries a hash of the whole `pom.xml`, since a driver's version counts as well.
    """
    version = f"Flyway {pom_version('flyway', POM)}, Liquibase {pom_version('liquibase', POM)}"
    mark = hashlib.sha256(POM.read_bytes()).hexdigest()[:8]
    return Installation("Migration tools", version, CACHE / f"database-tools-{mark}")


def postgresql_home() -> Path | None:
    """The folder above a PostgreSQL's `bin`: the fetched one, else the newest of Debian's packages, else None."""
    fetched = postgresql_installation()
    if fetched.complete:
        return fetched.folder
    homes = [home for home in DEBIAN.glob("*") if re.fullmatch(r"\d+", home.name)]
    usable = [home for home in homes if (home / "bin" / "initdb").is_file() and (home / "bin" / "postgres").is_file()]
    return max(usable, key=lambda home: int(home.name), default=None)
