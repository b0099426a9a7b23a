"""Where the fetched servers live: `.cache/` of the repository, one folder a version.

The versions come from `pom.xml`, so that they are written down once.
"""

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
POM = Path(__file__).with_name("pom.xml")
CACHE = REPOSITORY / ".cache"

# Written into a folder before it is renamed into place: a folder without it was put there by something else.
MARKER = ".complete"


def pom_version(name: str, pom: Path = POM) -> str:
    """The text of the property `<name.version>` in `pom`, which is this folder's `pom.xml` where none is named.

    Raises:
        LookupError: the property is not there.
    """
    found = re.search(rf"<{re.escape(name)}\.version>([^<]+)<", pom.read_text(encoding="utf-8"))
    if found is None:
        raise LookupError(f"{pom.name} has no property {name}.version; add it under <properties>")
    return found[1]


@dataclass(frozen=True, slots=True)
class Installation:
    """One fetched server: its name, its version and the folder that holds it."""

    name: str
    version: str
    folder: Path

    @property
    def complete(self) -> bool:
        """Whether the folder holds everything that was asked for."""
        return (self.folder / MARKER).is_file()


def kafka_installation() -> Installation:
    """Apache Kafka; its jars are in the subfolder `libs`."""
    version = pom_version("kafka")
    return Installation("Apache Kafka", version, CACHE / f"kafka-{version}")


def registry_installation() -> Installation:
    """Apicurio Registry, which speaks the Confluent registry's API; its runner jar is at the top of the folder."""
    version = pom_version("apicurio")
    return Installation("Apicurio Registry", version, CACHE / f"apicurio-{version}")
