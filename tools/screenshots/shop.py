"""The served demonstration that is pictured, on a Kafka of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from realkafka import KafkaServer
from realkafka.fetch import fetch_kafka

STARTS_WITHIN_S = 120.0
READY_WITHIN_S = 600.0
ENDS_WITHIN_S = 60.0
_LOOK_EVERY_S = 1.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class NotReady(Exception):
    """The demonstration did not come to where it can be pictured."""


@contextmanager
def served_shop() -> Iterator[str]:
    """The dashboard's address, once the story has been told, as far as a picture needs it. Raises ``NotReady``."""
    fetch_kafka()
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder, KafkaServer(Path(folder) / "kafka") as broker:
        said = Path(folder) / "demo.log"
        command = [sys.executable, "-m", "instar", "demo", "--serve", "--port", "0", "--bootstrap", broker.bootstrap]
        with said.open("wb") as log:
            # Whoever takes the pictures is not in them.
            process = subprocess.Popen(
                command, env={**os.environ, "LOGNAME": "ana"}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            wait = _Waiting(process, said)
            address: str = wait.until("it serves", lambda: _address(said), STARTS_WITHIN_S)
            for what, ready in _moments(address):
                print(f"waiting until {what} ...", file=sys.stderr, flush=True)
                wait.until(what, ready, READY_WITHIN_S)
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(ENDS_WITHIN_S)


def _moments(address: str) -> tuple[tuple[str, Callable[[], Any]], ...]:
    """What a picture should show, in the order in which it comes about."""

    def answers() -> dict[str, str]:
        found = _asked(f"{address}/v1/verdicts")["items"]
        return {f"{each['subject']} {each['version']}": each["answer"] for each in found}

    def reasons(version: str) -> set[str]:
        found = _asked(f"{address}/v1/verdicts")["items"]
        return {
            reason["source"]
            for each in found
            if f"{each['subject']} {each['version']}" == version
            for reason in each["reasons"]
        }

    return (
        ("customers v1 can be retired", lambda: answers().get("customers v1") == "yes"),
        ("groups, programs and dead letters keep orders v1",
         lambda: {"groups", "clients", "declared readers", "dead letters"} <= reasons("orders v1")),
    )  # fmt: skip


class _Waiting:
    def __init__(self, process: "subprocess.Popen[bytes]", said: Path) -> None:
        self._process, self._said = process, said

    def until(self, what: str, ready: Callable[[], Any], timeout_s: float) -> Any:
        deadline_s = time.monotonic() + timeout_s
        while not (found := ready()):
            tail = self._said.read_text("utf-8", "replace")[-3000:]
            if self._process.poll() is not None:
                raise NotReady(f"The demonstration ended before {what}:\n{tail}")
            if time.monotonic() > deadline_s:
                raise NotReady(f"Not within {timeout_s:.0f} s: {what}.\n{tail}")
            time.sleep(_LOOK_EVERY_S)
        return found


def _address(said: Path) -> str | None:
    found = _ADDRESS.search(said.read_text("utf-8", "replace"))
    return found[0] if found else None


def _asked(url: str) -> Any:
    with urlopen(url, timeout=30) as answer:  # noqa: S310 - our own server on this machine
        return json.load(answer)
