from pathlib import Path

import pytest

from instar.project.late import Late, Unresolved


def test_a_literal_is_itself(tmp_path: Path) -> None:
    assert Late.of("127.0.0.1:9092", "bootstrap.servers").resolve({}, tmp_path) == "127.0.0.1:9092"
    assert Late.of(30000, "session.timeout.ms").resolve({}, tmp_path) == 30000
    assert Late.of(True, "enable").resolve({}, tmp_path) is True


def test_a_variable_is_read_when_the_value_is_needed(tmp_path: Path) -> None:
    value = Late.of("env:KAFKA", "bootstrap.servers")
    with pytest.raises(Unresolved, match=r"bootstrap\.servers: the environment variable KAFKA is not set") as failed:
        value.resolve({}, tmp_path)
    assert "export KAFKA=" in failed.value.remedy
    assert value.resolve({"KAFKA": "broker:1"}, tmp_path) == "broker:1"


def test_a_file_is_read_relative_to_the_project_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("hunter2\n")
    assert Late.of("file:secret.txt", "sasl.password").resolve({}, tmp_path) == "hunter2"
    with pytest.raises(Unresolved, match="the file absent cannot be read: No such file"):
        Late.of("file:absent", "x").resolve({}, tmp_path)


def test_a_secret_is_never_shown() -> None:
    literal = Late.of("hunter2", "sasl.password")
    url = Late.of("postgresql://me:hunter2@db/instar", "state")
    user = Late.of("me:hunter2", "basic.auth.user.info")
    for value in (literal, url, user):
        assert "hunter2" not in f"{value} {value!r} {[value]}"
        assert value.holds_secret
    assert str(url) == "postgresql://me:***@db/instar"


def test_a_reference_is_shown_as_it_is_written() -> None:
    value = Late.of("env:PASSWORD", "sasl.password")
    assert str(value) == "env:PASSWORD"
    assert not value.holds_secret


@pytest.mark.parametrize("raw", ["env:", "env:not a name", "file:", {"a": 1}, ["x"], None])
def test_a_malformed_reference_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match=r"expected|must be followed"):
        Late.of(raw, "key")
