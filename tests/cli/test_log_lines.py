"""Log lines on a terminal: what others wrote stays on its line."""

import sys

import pytest
import structlog

from instar.cli.log_lines import configure


def test_what_others_wrote_moves_no_cursor_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    try:
        configure()
        structlog.get_logger().info("audit", by="ada", why="\x1b[2J\r\u202edone\n[error] audit")
    finally:
        structlog.reset_defaults()
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "done" in said
    assert [each for each in ("\x1b[2J", "\r", "\u202e") if each in said] == []
