"""Fetches Apache Kafka and the registry with Maven, once, whole or not at all."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from realkafka.errors import FetchFailed, Unavailable
from realkafka.java import why_no_fetch
from realkafka.locations import (
    MARKER,
    POM,
    Installation,
    kafka_installation,
    pom_version,
    registry_installation,
)

FETCH_TIMEOUT_S = 900
LAST_WORDS_CHARACTERS = 2000


def fetch_kafka() -> Installation:
    """Apache Kafka's jars with everything they need at run time, fetched where they are not there yet.

    Raises:
        Unavailable: Java or Maven is missing.
        FetchFailed: Maven failed, or took longer than 15 minutes.
    """

    def copy_jars(folder: Path) -> None:
        libs = folder / "libs"
        run_maven("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={libs}")

    return fetch_whole(kafka_installation(), copy_jars)


def fetch_registry() -> Installation:
    """The registry's application archive, unpacked, fetched where it is not there yet.

    Raises:
        Unavailable: Java or Maven is missing.
        FetchFailed: Maven failed, or took longer than 15 minutes.
    """

    def unpack(folder: Path) -> None:
        artifact = f"io.apicurio:apicurio-registry-app:{pom_version('apicurio')}:tar.gz:all"
        run_maven("dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}")
        # Unpacked here: the plugin's own unpacking does not know pax headers, which carry long file names.
        for packed in folder.glob("*.tar.gz"):
            with tarfile.open(packed) as archive:
                # Pythons before 3.11.4 have no filters; later ones refuse members that would leave the folder.
                archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
                archive.extractall(folder)  # noqa: S202 - filtered above
            packed.unlink()

    return fetch_whole(registry_installation(), unpack)


def fetch_whole(wanted: Installation, deliver: Callable[[Path], None]) -> Installation:
    """Lets `deliver` fill a folder of its own and renames that into place, so that no half of it is ever seen.

    Raises:
        Unavailable: Java or Maven is missing.
        FetchFailed: the folder could not be put in place, or `deliver` says so.
    """
    if wanted.complete:
        return wanted
    reason = why_no_fetch()
    if reason is not None:
        raise Unavailable(f"{wanted.name} {wanted.version} cannot be fetched: {reason}.")
    wanted.folder.parent.mkdir(parents=True, exist_ok=True)
    print(f"fetching {wanted.name} {wanted.version} with Maven ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=wanted.folder.parent, prefix=".fetching-") as scratch:
        filled = Path(scratch) / "filled"
        filled.mkdir()
        deliver(filled)
        (filled / MARKER).write_text(f"{wanted.name} {wanted.version}\n", encoding="utf-8")
        _into_place(filled, wanted)
    seconds = time.monotonic() - began
    print(f"fetched {wanted.name} {wanted.version} in {seconds:.1f} s", file=sys.stderr, flush=True)
    return wanted


def _into_place(filled: Path, wanted: Installation) -> None:
    """Renames `filled` to its place; whoever was faster has put the same thing there, which is as good."""
    if wanted.folder.exists() and not wanted.complete:
        shutil.rmtree(wanted.folder)
    try:
        filled.rename(wanted.folder)
    except OSError as error:
        if not wanted.complete:
            raise FetchFailed(
                f"{wanted.name} was fetched, but {wanted.folder} could not be put in place ({error}); "
                "remove that folder and fetch again."
            ) from error


def run_maven(*goal: str, pom: Path = POM) -> None:
    """Runs one goal of Maven on `pom`.

    Raises:
        FetchFailed: Maven failed, or took longer than 15 minutes.
    """
    # --strict-checksums: a damaged download fails here, not as a broker that will not start.
    command = ["mvn", "--batch-mode", "--quiet", "--strict-checksums", "--file", str(pom), *goal]
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=FETCH_TIMEOUT_S,
            check=False,
            env={**os.environ, "MAVEN_OPTS": os.environ.get("MAVEN_OPTS", "-XX:TieredStopAtLevel=1")},
        )
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(
            f"Maven did not finish {goal[0]} within {FETCH_TIMEOUT_S} s; look at the connection to its repository."
        ) from error
    if ended.returncode != 0:
        last_words = ended.stdout.strip()[-LAST_WORDS_CHARACTERS:]
        raise FetchFailed(f"Maven failed at {goal[0]} with exit code {ended.returncode}. It said:\n{last_words}")
