"""``instar serve``: who may be let in from where, and a server that starts and ends as it is told."""

import re
import signal
import socket
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from tests.support.command import instar
from tests.support.folders import write_files

ZEROS = "0" * 64
SETTINGS = """
format = 1
[environments.local]
kafka = { "bootstrap.servers" = "127.0.0.1:1" }
"""


def token(name: str, role: str) -> str:
    return f'{{ name = "{name}", role = "{role}", sha256 = "{ZEROS}" }}'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_files(tmp_path, {"instar.toml": SETTINGS})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104 - refused
def test_other_machines_are_not_let_in_without_tokens(project: Path, host: str) -> None:
    ran = instar("serve", "--host", host, at=project)
    assert ran.code == 4
    assert "--new-token" in ran.err


def test_a_new_token_is_shown_once_and_its_hash_is_what_the_settings_take(project: Path) -> None:
    ran = instar("serve", "--new-token", "ada:operator", at=project)
    token = ran.out.strip()
    assert sha256(token.encode()).hexdigest() in ran.err
    assert token not in ran.err
    line = next(line for line in ran.err.splitlines() if line.startswith("{"))
    (project / "instar.toml").write_text(SETTINGS + f"[serve]\ntokens = [{line}]\n")
    assert instar("check", at=project).code == 0


@pytest.mark.parametrize("asked", ["ada", "ada:root", ":viewer", "a b:viewer"])
def test_a_token_needs_a_name_and_a_role(project: Path, asked: str) -> None:
    assert instar("serve", "--new-token", asked, at=project).code == 2


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ('[{ name = "ada", role = "viewer", sha256 = "secret" }]', "this is not the SHA-256 of a token"),
        (f"[{token('ada', 'root')}]", "tokens"),
        (f"[{token('a b', 'viewer')}]", "a token's name has"),
        (f"[{token('a', 'viewer')}, {token('b', 'viewer')}]", "stands twice"),
    ],
)
def test_tokens_that_are_wrong_are_found_by_check(project: Path, tokens: str, said: str) -> None:
    (project / "instar.toml").write_text(SETTINGS + f"[serve]\ntokens = {tokens}\n")
    ran = instar("check", at=project)
    assert ran.code != 0
    assert said in ran.out + ran.err
    assert "secret" not in ran.out + ran.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_it_serves_until_it_is_told_to_stop(project: Path, number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "instar", "serve", "--port", "0"], cwd=project, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            found = None
            while found is None:
                line = process.stderr.readline()
                assert line, "it ended before it served"
                found = re.search(r"http://127\.0\.0\.1:\d+", line)
            answer = httpx.get(found[0] + "/", timeout=60)
            assert answer.status_code == 200
            assert "Can the old versions go?" in answer.text
            process.send_signal(number)
            assert process.wait(60) == code
        finally:
            process.kill()


def test_an_address_that_is_taken_is_said(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = instar("serve", "--port", taken.getsockname()[1], at=project)
    assert ran.code == 1
    assert "cannot be listened on" in ran.err
