"""Who an environment notifies, and which rehearsal it asks for."""

from pathlib import Path

import pytest

from instar.core.finding import Finding
from instar.project.environment import Environment
from instar.project.settings import SettingsFile, read_settings, written_secrets

HEAD = "format = 1\n[environments.production]\n"


def read(root: Path, text: str) -> SettingsFile | list[Finding]:
    (root / "instar.toml").write_text(HEAD + text, encoding="utf-8")
    return read_settings(root)


def environment_of(root: Path, text: str) -> Environment:
    result = read(root, text)
    assert isinstance(result, SettingsFile), result
    return result.settings.environments["production"]


def test_a_web_hook_and_a_command_are_read_as_they_are_written(tmp_path: Path) -> None:
    said = environment_of(
        tmp_path,
        'notify = { webhook = { url = "env:HOOK", secret = "env:HOOK_SECRET" }, command = ["./tell.sh", "ops"] }\n'
        'require_rehearsal = "7d"\n',
    )
    assert said.notify is not None
    assert said.notify.webhook is not None
    assert said.notify.webhook.url.resolve({"HOOK": "https://hooks"}, tmp_path) == "https://hooks"
    assert not said.notify.webhook.allow_http
    assert said.notify.command == ("./tell.sh", "ops")
    assert said.require_rehearsal == 604_800


def test_nobody_is_told_and_nothing_required_unless_it_is_written(tmp_path: Path) -> None:
    said = environment_of(tmp_path, "")
    assert (said.notify, said.require_rehearsal) == (None, None)


def test_a_secret_of_a_web_hook_is_a_warning_and_never_shown(tmp_path: Path) -> None:
    result = read(tmp_path, 'notify = { webhook = { url = "https://hooks", secret = "hunter2" } }\n')
    assert isinstance(result, SettingsFile)
    (finding,) = written_secrets(result)
    assert (finding.severity, finding.line) == ("warning", 3)
    assert "hunter2" not in str(finding)
    assert "hunter2" not in str(result.settings.model_dump())


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("notify = { webook = { url = 'env:H', secret = 'env:S' } }", "did you mean `webhook`?"),
        ("notify = { webhook = { url = 'env:H' } }", "add `secret = ...`"),
        ("notify = { webhook = { url = 'env:H', secrt = 'env:S', secret = 'env:S' } }", "did you mean `secret`?"),
        ("notify = { webhook = { url = 'hooks', secret = 'env:S' } }", '"https://..."'),
        ("notify = {}", "./tell.sh"),
        ("notify = { command = [] }", "name at least one"),
        ("notify = { command = './tell.sh' }", "write an array"),
        ("require_rehearsals = '7d'", "did you mean `require_rehearsal`?"),
        ("require_rehearsal = 7", '"7d"'),
    ],
)
def test_a_wrong_setting_says_what_to_write(tmp_path: Path, text: str, remedy: str) -> None:
    result = read(tmp_path, text + "\n")
    assert isinstance(result, list)
    assert remedy in " ".join(finding.remedy for finding in result)
    assert {finding.line for finding in result} == {3}
