"""Settings that the Kafka client does not take, or that lack what is asked for, are said, not thrown."""

from pathlib import Path

import pytest
from tests.support.command import instar
from tests.support.folders import write_files
from tests.support.projects import PARCELS

SETTINGS = """
    format = 1

    [environments.local]
    kafka = { "bootstrap.servers" = "127.0.0.1:1", %s }
    registry = { url = "files" }
    %s
    """
MIGRATION = """
    [migrations.parcels-v3]
    subjects = ["parcels"]
    source = { topic = "parcels", framing = "version-header" }
    target = { topic = "parcels.v3", version = "v3" }
    """


@pytest.mark.parametrize("command", [("plan",), ("worker",), ("status",), ("verify",), ("pause",)])
@pytest.mark.parametrize("setting", ['"no.such.setting" = "x"', '"socket.timeout.ms" = "soon"'])
def test_a_setting_that_the_client_does_not_take_is_named(tmp_path: Path, command: tuple[str], setting: str) -> None:
    folder = write_files(tmp_path, {**PARCELS, "instar.toml": SETTINGS % (setting, MIGRATION)})
    ran = instar(*command, "parcels-v3", at=folder)
    assert ran.code in (1, 4)
    assert setting.split('"')[1] in ran.err
    assert "Traceback" not in ran.err
    assert "kafka under [tool.instar.environments.<name>]" in ran.err


def test_without_any_migration_the_remedy_says_how_to_have_one(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {**PARCELS, "instar.toml": SETTINGS % ('"acks.x" = "1"', "")})
    ran = instar("plan", "parcels-v3", at=folder)
    assert ran.code == 2
    assert "Add [migrations.NAME]" in ran.err
