"""Programs that the settings name: bounded, and ended with what they started."""

import os
import sys
import time
from pathlib import Path

from instar.program import Ended, run_program


def run(text: str, folder: Path, *, timeout_s: float = 60.0, stdin: bytes = b"") -> Ended:
    return run_program((sys.executable, "-c", text), folder=folder, environ={}, timeout_s=timeout_s, stdin=stdin)


def test_a_long_input_and_a_long_output_do_not_wait_for_each_other(tmp_path: Path) -> None:
    text = "import sys; print('y' * 500_000); print(len(sys.stdin.buffer.read()))"
    ended = run(text, tmp_path, stdin=b"x" * 1_000_000)
    assert ended.exit_code == 0
    assert ended.output.endswith("1000000")
    assert len(ended.output) <= 4096


def test_a_program_need_not_read_its_input(tmp_path: Path) -> None:
    assert run("print('done')", tmp_path, stdin=b"x" * 1_000_000) == Ended(0, "done")


def test_no_input_is_an_end_of_input(tmp_path: Path) -> None:
    assert run("import sys; print(len(sys.stdin.read()))", tmp_path) == Ended(0, "0")


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    text = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)"
    )
    ended = run(text, tmp_path)
    assert ended.exit_code == 0
    child = int(ended.output)
    until_s = time.monotonic() + 60
    while _runs(child):
        assert time.monotonic() < until_s
        time.sleep(0.01)


def test_one_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    text = "import os, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(7)"
    assert run(text, tmp_path) == Ended(7, "")


def _runs(pid: int) -> bool:
    """Does it run, other than as a zombie that nobody collects here?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
    except OSError:
        os.kill(pid, 0)
        return True
