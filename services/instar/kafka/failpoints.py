"""Failpoints: named places in the processing loop where a test makes a worker die, fail or stand still.

``INSTAR_FAILPOINT`` holds ``name=action[@hit][;name=action[@hit]...]``: the action happens at the hit-th time (1 when
not given) that the place is passed. Actions: ``kill`` (SIGKILL to the own process, at once), ``raise`` (the Kafka call
at that place appears to time out), ``pause`` (SIGSTOP to the own process; a test sends SIGCONT).
``INSTAR_FAILPOINT_LOG`` names a file to which one JSON line is appended, and synced, before each action: the proof of
where the worker stood.

Off, a failpoint costs one dictionary look-up per batch, never per record.
"""

import os
import signal
import threading
import time
from pathlib import Path

import orjson

from instar.kafka.errors import AmbiguousOutcome

VARIABLE = "INSTAR_FAILPOINT"
LOG_VARIABLE = "INSTAR_FAILPOINT_LOG"

NAMES = (
    "polled",  # a batch of records is here, none transformed
    "transformed",  # the batch is transformed, nothing of it produced
    "produced",  # the batch is in the producer's queue
    "flushed",  # the batch is acknowledged, inside the open transaction
    "offsets-sent",  # the source offsets are in the transaction, which is open
    "before-commit",
    "during-commit",  # while commit_transaction runs
    "after-commit",
    "abort",  # about to abort
    "assigned",  # partitions were assigned, nothing is read
    "revoked",  # partitions are being revoked in order
    "lost",  # partitions were lost: another may own them already
)
ACTIONS = ("kill", "raise", "pause")


class FailpointHit(AmbiguousOutcome):
    """What ``raise`` raises: the loop must treat it as it treats a Kafka call that timed out."""


class BadFailpoint(ValueError):
    """The environment variable does not parse; the message says what is allowed."""


class Failpoints:
    def __init__(self, setting: str = "", log: Path | None = None) -> None:
        self._armed: dict[str, tuple[str, int]] = {}
        self._passed: dict[str, int] = {}
        self._log = log
        for part in filter(None, setting.split(";")):
            name, _, rest = part.partition("=")
            action, _, hit = rest.partition("@")
            if name not in NAMES or action not in ACTIONS or (hit and not hit.isdigit()):
                raise BadFailpoint(
                    f"{VARIABLE}: {part!r} is not NAME=ACTION[@HIT] with NAME one of {', '.join(NAMES)} and "
                    f"ACTION one of {', '.join(ACTIONS)}."
                )
            self._armed[name] = action, int(hit or 1)

    @classmethod
    def from_environment(cls) -> "Failpoints":
        log = os.environ.get(LOG_VARIABLE)
        return cls(os.environ.get(VARIABLE, ""), Path(log) if log else None)

    def hit(self, name: str, *, in_transaction: bool) -> None:
        """Pass the place called ``name``. Raises ``FailpointHit`` when armed with ``raise``."""
        if not self._armed:
            return
        action = self._due(name)
        if action is None:
            return
        self._record(name, action, in_transaction)
        if action == "raise":
            raise FailpointHit(f"failpoint {name}")
        os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)

    def during(self, name: str, *, in_transaction: bool, after_s: float = 0.001) -> bool:
        """Arm the place for the call that follows: kill and pause come from a thread while the call runs.

        Returns True when the action is ``raise``: the caller gives its call no time to answer, which leaves the
        outcome truly unknown.
        """
        action = self._due(name) if self._armed else None
        if action is None:
            return False
        if action == "raise":
            self._record(name, action, in_transaction)
            return True

        def strike() -> None:
            time.sleep(after_s)
            self._record(name, action, in_transaction)
            os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)

        threading.Thread(target=strike, daemon=True).start()
        return False

    def _due(self, name: str) -> str | None:
        armed = self._armed.get(name)
        if armed is None:
            return None
        self._passed[name] = passed = self._passed.get(name, 0) + 1
        action, hit = armed
        return action if passed == hit else None

    def _record(self, name: str, action: str, in_transaction: bool) -> None:
        if self._log is None:
            return
        line = orjson.dumps(
            {
                "failpoint": name,
                "action": action,
                "in_transaction": in_transaction,
                "pid": os.getpid(),
                "at_s": time.time(),
            }
        )
        descriptor = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
