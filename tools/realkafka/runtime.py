"""The Java command lines that run Apache Kafka, and how they start quickly."""

import shutil
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

from realkafka.availability import FETCH_COMMAND
from realkafka.errors import ServerFailed, Unavailable
from realkafka.java import java_path, java_version
from realkafka.locations import Installation
from realkafka.settings import NODE_ID, broker_settings, properties_text

# Only the first compiler and one collector thread. Measured on 2 cores: a start takes half the time, and the broker
# moves more records, not fewer, because the second compiler no longer competes with it for the cores.
QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)
CHECKPOINT = "bootstrap.checkpoint"
FORMAT_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class KafkaRuntime:
    """An Apache Kafka of one installation on this machine's Java.

    Raises:
        Unavailable: on use, where the installation is incomplete or Java is missing.
    """

    installation: Installation

    @property
    def class_archive(self) -> Path:
        """The class data of a broker, as this Java wrote it down; a start that finds it takes half the time."""
        return self.installation.folder / f"broker-java-{java_version()}.jsa"

    def broker_command(self, properties: Path, *, heap_mb: int) -> list[str]:
        """The command of a broker; with the class archive where that exists."""
        # `auto`: where the archive does not fit (another Java, a moved folder), Java goes on without it.
        archive = [f"-XX:SharedArchiveFile={self.class_archive}", "-Xshare:auto", "-Xlog:cds=off"]
        shared = archive if self.class_archive.is_file() else []
        return self._java(f"-Xmx{heap_mb}m", *shared, "kafka.Kafka", str(properties))

    def training_command(self, properties: Path, *, heap_mb: int, archive: Path) -> list[str]:
        """The command of a broker that writes the class archive when it ends."""
        writing = (f"-XX:ArchiveClassesAtExit={archive}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")
        return self._java(f"-Xmx{heap_mb}m", *writing, "kafka.Kafka", str(properties))

    def format(self, log_dir: Path) -> None:
        """Makes `log_dir` a broker's log directory with an identity of its own; leaves one that is formatted alone.

        Kafka's own tool needs a JVM start for it (1.5 s). What it writes besides the identity is the same for every
        log directory of a version, so it runs once an installation and its result is copied.

        Raises:
            ServerFailed: the tool failed.
        """
        identity = log_dir / "meta.properties"
        if identity.exists():
            return
        log_dir.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._formatted() / CHECKPOINT, log_dir / CHECKPOINT)
        lines = {"version": "1", "cluster.id": kafka_uuid(), "node.id": str(NODE_ID), "directory.id": kafka_uuid()}
        # Last, since it is what says that the directory is formatted.
        identity.write_text(properties_text(lines), encoding="utf-8")

    def _formatted(self) -> Path:
        kept = self.installation.folder / "formatted"
        if kept.is_dir():
            return kept
        with tempfile.TemporaryDirectory(dir=self.installation.folder, prefix=".formatting-") as scratch:
            log_dir = Path(scratch) / "formatted"
            properties = Path(scratch) / "server.properties"
            settings = broker_settings(port=1, controller_port=2, log_dir=log_dir)
            properties.write_text(properties_text(settings), encoding="utf-8")
            tool = ("kafka.tools.StorageTool", "format", "--cluster-id", kafka_uuid(), "--config", str(properties))
            said = subprocess.run(
                self._java(*tool), capture_output=True, text=True, timeout=FORMAT_TIMEOUT_S, check=False
            )
            if said.returncode != 0:
                raise ServerFailed(f"Kafka's storage tool could not format {log_dir}: {said.stderr or said.stdout}")
            try:
                log_dir.rename(kept)
            except OSError:
                if not kept.is_dir():  # somebody else was faster, with the same result
                    raise
        return kept

    def _java(self, *arguments: str) -> list[str]:
        if not self.installation.complete:
            raise Unavailable(
                f"{self.installation.name} {self.installation.version} is not fetched; run `{FETCH_COMMAND}`."
            )
        # Each jar by name, sorted: the class archive is good only for the class path that it was written with.
        jars = ":".join(str(jar) for jar in sorted((self.installation.folder / "libs").glob("*.jar")))
        return [java_path(), *QUICK, *LOGGING, "-cp", jars, *arguments]


def kafka_uuid() -> str:
    """A new random id in Kafka's way of writing them: 16 bytes, URL-safe base64, no padding, no leading dash."""
    while True:
        text = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
