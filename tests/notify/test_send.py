"""Telling everybody who is to be told."""

import os
import sys
from pathlib import Path

import orjson
import pytest
from tests.support.hooks import receiver

from instar.notify import program as module
from instar.notify import webhook
from instar.notify.message import Message
from instar.notify.send import send
from instar.notify.targets import Program, Webhook
from instar.state.leases import TTL_MS

MESSAGE = Message("m/apply/1/2", "m", "local", "applied", "it is done\nall of it", 1_750_000_000_000)


def python(text: str, folder: Path, **environ: str) -> Program:
    return Program((sys.executable, "-c", text), folder, {"PATH": os.environ["PATH"], **environ})


def test_a_program_gets_the_message_on_stdin_and_none_of_our_secrets(tmp_path: Path) -> None:
    text = "import os, sys; open('got', 'w').write(sys.stdin.read()); open('env', 'w').write(' '.join(os.environ))"
    said = send([python(text, tmp_path, DB_PASSWORD="s3cret")], MESSAGE)  # noqa: S106
    assert said == {"reached": [f"command {sys.executable}"], "not_reached": {}}
    assert orjson.loads((tmp_path / "got").read_bytes()) == orjson.loads(MESSAGE.body())
    assert "DB_PASSWORD" not in (tmp_path / "env").read_text(encoding="utf-8")


def test_one_that_is_not_reached_keeps_no_other_from_being_told(tmp_path: Path) -> None:
    with receiver() as kept:
        kept.answers = [404]
        programs = [
            python("print('no such channel'); raise SystemExit(2)", tmp_path),
            Program(("./gone",), tmp_path, {}),
        ]
        fine = Program(("true",), tmp_path, os.environ)
        said = send([Webhook(kept.url, "secret"), *programs, fine], MESSAGE)
    assert said == {
        "reached": ["command true"],
        "not_reached": {
            f"webhook {kept.url}": "it answered 404",
            f"command {sys.executable}": "it ended with 2: no such channel",
            "command ./gone": "it cannot be started: No such file or directory",
        },
    }


def test_a_program_that_does_not_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.5)
    said = send([python("import time; time.sleep(600)", tmp_path)], MESSAGE)
    assert said["not_reached"] == {f"command {sys.executable}": "it did not end within 0.5 s"}


def test_telling_takes_less_time_than_a_lease_lasts() -> None:
    """A coordinator that tells people holds the rollout's lease meanwhile."""
    hook_s = webhook.TIMEOUT_S * (len(webhook.WAITS_S) + 1) + sum(webhook.WAITS_S)
    assert (hook_s + module.TIMEOUT_S) * 1000 < TTL_MS


def test_what_is_kept_in_memory_shows_no_secret(tmp_path: Path) -> None:
    shown = repr([Webhook("https://hooks.example/T0", "s3cret"), Program(("x",), tmp_path, {"TOKEN": "s3cret"})])
    assert "s3cret" not in shown
    assert "T0" not in shown
