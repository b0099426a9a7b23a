"""What happens in the demonstration: people give commands, one after the other, and the rollouts move.

Orders are carried both ways, verified, and their switch is asked for; whoever looks on may approve and give it.
Customers are switched, so that their old version comes free. A broker that has no topic settings cannot be rolled out
on: there the bridges run, and both migrations stay drafts.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from instar.cli.demonstration.live.commands import Commands, Running
from instar.cli.demonstration.live.names import Names, Subject
from instar.cli.exits import Failure
from instar.core.rollout.phase import Phase
from instar.kafka.errors import KafkaTrouble
from instar.operations.rolling import rolling
from instar.project.project import Project
from instar.state.errors import StateTrouble

ASKS, ANSWERS = "ana", "ben"
_LOOK_EVERY_S = 0.5
_GUARD_EVERY = "2"
_DECLARED_FOR = timedelta(days=45)
Say = Callable[[str, str], None]
"""Who, and what they do or what came of it."""


class _Stopped(Exception):
    """The demonstration ends."""


class Story:
    """The parts of both migrations, each for a thread of its own. ``whole``: none of them broke off."""

    def __init__(
        self, commands: Commands, project: Project, names: Names, say: Say, stop: threading.Event, *, built_in: bool
    ) -> None:
        self._commands, self._project, self._names = commands, project, names
        self._say, self._stop, self._built_in = say, stop, built_in
        self.whole = True

    def orders(self) -> None:
        """Carried both ways and verified; somebody waits for leave to switch."""
        name = self._names.migration("orders")
        until = (datetime.now(UTC).date() + _DECLARED_FOR).isoformat()
        self._do(ASKS, "consumers", "declare", "nightly", "--reads", "orders:v1", "--owner", "Finance",
                 "--expires", until)  # fmt: skip
        if self._built_in:
            self._carry_without_rollout(name)
            return
        self._apply(name, "two teams wait for decimal prices", "the plan says what is lost, and where it is kept")
        self._start("worker", name)
        self._start("guard", name, "--every", _GUARD_EVERY)
        self._verify("orders")
        self._do(ASKS, "approve", name, "switch", "--ask", "--reason", "everything is verified")

    def customers(self) -> None:
        """Switched: producers write the new topic, and the group that the rollout knows reads it."""
        name = self._names.migration("customers")
        if self._built_in:
            self._carry_without_rollout(name)
            return
        self._apply(name, "customers have several addresses of mail", "marketing reads v2 since spring")
        self._start("worker", name)
        self._start("worker", name, "--direction", "down", "--when-asked")
        self._start("guard", name, "--every", _GUARD_EVERY)
        self._verify("customers")
        self._approved(name, "switch", "everything is verified", "checked with customer service")
        self._do(ASKS, "switch", name, "--execute", "--wait", "--reason", "everything is verified")

    def play(self, part: Callable[[], None]) -> None:
        """Go through a part; what stands in its way is told, and the rest goes on."""
        try:
            part()
        except _Stopped:
            return
        except (Failure, KafkaTrouble, StateTrouble) as problem:
            if not self._stop.is_set():
                self.whole = False
                self._say("trouble", f"{problem} {problem.remedy}".strip())

    # ------------------------------------------------------------------ steps

    def _carry_without_rollout(self, name: str) -> None:
        self._do("", "worker", name, "--create", "--until", "now")
        self._start("worker", name)
        self._do(ASKS, "verify", name)

    def _apply(self, name: str, why: str, answer: str) -> None:
        self._approved(name, "apply", why, answer)
        self._do(ASKS, "apply", name, "--execute", "--reason", why)

    def _approved(self, name: str, action: str, why: str, answer: str) -> None:
        self._do(ASKS, "approve", name, action, "--ask", "--reason", why)
        self._do(ANSWERS, "approve", name, action, "--reason", answer)

    def _verify(self, subject: Subject) -> None:
        self._wait_for(subject, Phase.CAUGHT_UP)
        self._do(ASKS, "verify", self._names.migration(subject))
        self._wait_for(subject, Phase.VERIFIED)

    def _wait_for(self, subject: Subject, phase: Phase) -> None:
        name = self._names.migration(subject)
        with rolling(self._project, name, actor="demo") as at:
            while at.coordinator.state(name).phase not in (phase, Phase.VERIFIED):
                if self._stop.wait(_LOOK_EVERY_S):
                    raise _Stopped
        self._say("", f"{name} is {phase.value}")

    def _do(self, who: str, *words: str) -> None:
        """Give a command and wait for its end."""
        running = self._run(who, *words)
        code = self._commands.wait(running, self._stop)
        if code is None:
            raise _Stopped
        if code != 0:
            raise Failure(
                f"{running.line} ended with {code}:\n{running.tail()}", f"The whole of it is in {running.log}."
            )

    def _start(self, *words: str) -> None:
        """Start a command that goes on."""
        self._run("", *words, goes_on=True)

    def _run(self, who: str, *words: str, goes_on: bool = False) -> Running:
        running = self._commands.start(*words, by=who, goes_on=goes_on)
        if running is None:
            raise _Stopped
        self._say(who, running.line)
        return running
