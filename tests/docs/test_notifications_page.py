"""docs/notifications.md holds what the product does."""

import base64
import re
import time
from pathlib import Path

from tests.support.hooks import receiver

from instar.notify import program, webhook
from instar.notify.message import Message
from instar.notify.send import send
from instar.notify.targets import Webhook
from instar.project.settings import SettingsFile, read_settings

PAGE = (Path(__file__).resolve().parents[2] / "docs/notifications.md").read_text(encoding="utf-8")
KEY = bytes(range(32))
MESSAGE = Message("orders-v3/switch/1/4", "orders-v3", "production", "switched", "all of it", 1)


def code(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_receiver_of_the_page_takes_what_is_sent_and_nothing_else() -> None:
    page: dict[str, object] = {}
    exec(code("python"), page)  # noqa: S102 - our own page
    verified = page["verified"]
    assert callable(verified)
    with receiver() as kept:
        send([Webhook(kept.url, f"whsec_{base64.b64encode(KEY).decode()}")], MESSAGE)
        send([Webhook(kept.url, "plain words")], MESSAGE)
    encoded, plain = kept.received
    assert verified(KEY, encoded.headers, encoded.body)
    assert verified(b"plain words", plain.headers, plain.body)
    assert not verified(KEY, plain.headers, plain.body)
    assert not verified(KEY, encoded.headers, encoded.body + b" ")
    assert not verified(KEY, {**encoded.headers, "webhook-id": "another"}, encoded.body)
    old = {**encoded.headers, "webhook-timestamp": str(int(time.time()) - 301)}
    assert not verified(KEY, old, encoded.body)


def test_the_settings_of_the_page_are_settings(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.instar]\nformat = 1\n" + code("toml"), encoding="utf-8")
    read = read_settings(tmp_path)
    assert isinstance(read, SettingsFile), read
    notify = read.settings.environments["production"].notify
    assert notify is not None
    assert notify.webhook is not None
    assert notify.command == ("./tell.sh",)


def test_the_limits_of_the_page_are_the_limits() -> None:
    assert f"no answer within {webhook.TIMEOUT_S:g} s" in PAGE
    assert " and ".join(f"{wait_s:g} s" for wait_s in webhook.WAITS_S) in PAGE
    assert f"within {program.TIMEOUT_S:g} s" in PAGE
