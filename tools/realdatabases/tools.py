"""The real Flyway and Liquibase, run on folders of scripts; they write the histories that tests read."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from realdatabases.availability import FETCH_COMMAND
from realdatabases.locations import tools_installation
from realkafka.errors import Unavailable
from realkafka.java import java_path
from realkafka.process import ServerProcess
from realkafka.runtime import QUICK

FLYWAY_MAIN = Path(__file__).with_name("FlywayRun.java")
LIQUIBASE_MAIN = "liquibase.integration.commandline.LiquibaseCommandLine"
TIMEOUT_S = 240.0


@dataclass(frozen=True, slots=True)
class MigrationTools:
    """Flyway and Liquibase of one installation, on this machine's Java."""

    libs: Path

    @classmethod
    def fetched(cls) -> Self:
        """The fetched ones.

        Raises:
            Unavailable: they are not fetched.
        """
        tools = tools_installation()
        if not tools.complete:
            raise Unavailable(f"{tools.version} are not fetched; run `{FETCH_COMMAND}`.")
        return cls(tools.folder / "libs")

    def flyway(self, *steps: tuple[str, Mapping[str, str]]) -> list[str]:
        """Runs the steps (`("migrate", {"url": ..., "locations": ...})`) one after the other in one Java.

        Returns one line a step: `ok`, or `failed` with Flyway's own message.

        Raises:
            RuntimeError: Flyway did not come to its end.
        """
        arguments: list[str] = []
        for action, settings in steps:
            arguments += ["--", action, *(f"flyway.{key}={value}" for key, value in settings.items())]
        said = self._run([str(FLYWAY_MAIN), *arguments])
        lines = [line.removeprefix("step: ") for line in said.stdout.splitlines() if line.startswith("step: ")]
        if said.returncode != 0 or len(lines) != len(steps):
            raise RuntimeError(f"Flyway ended with exit code {said.returncode}:\n{said.stdout}\n{said.stderr}")
        return lines

    def liquibase(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs Liquibase's command line; a failing change is an exit code, not an exception."""
        return self._run([LIQUIBASE_MAIN, *arguments])

    def liquibase_process(self, *arguments: str, folder: Path) -> ServerProcess:
        """Starts Liquibase's command line and leaves it running, to be ended in the middle of its work."""
        command = self._java([LIQUIBASE_MAIN, *arguments])
        return ServerProcess("Liquibase", command, log_file=folder / "liquibase.log", folder=folder)

    def _run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        command = self._java(arguments)
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    def _java(self, arguments: Sequence[str]) -> list[str]:
        jars = ":".join(str(jar) for jar in sorted(self.libs.glob("*.jar")))
        return [java_path(), *QUICK, "-cp", jars, *arguments]
