"""Who is told what happens to a rollout: from the environment's settings to what became of it."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instar.notify.message import Message
from instar.notify.send import send
from instar.notify.targets import Program, Target, Webhook
from instar.project.late import Unresolved
from instar.project.notify import Webhook as WebhookSettings
from instar.project.project import Project
from instar.rollout.ports import Context


@dataclass(frozen=True, slots=True)
class SettingsNotifier:
    """A ``Notifier`` of the rollout's runner. References are resolved at each message: a secret may be replaced."""

    project: Project

    def notify(self, message_id: str, subject: str, text: str, context: Context) -> Mapping[str, Any]:
        at_ms = time.time_ns() // 1_000_000
        return self.tell(Message(message_id, context.migration, context.environment, subject, text, at_ms))

    def tell(self, message: Message) -> Mapping[str, Any]:
        settings = self.project.environment.notify
        if settings is None:
            why = f"the environment {self.project.environment_name} has no `notify` in the settings"
            return {"reached": [], "not_reached": {"anybody": why}}
        targets: list[Target] = []
        unresolved: dict[str, str] = {}
        if settings.webhook is not None:
            try:
                targets.append(self._webhook(settings.webhook))
            except Unresolved as problem:
                unresolved["webhook"] = f"{problem}; {problem.remedy}"
        if settings.command is not None:
            targets.append(Program(settings.command, self.project.root, os.environ))
        sent = send(targets, message)
        return {**sent, "not_reached": unresolved | sent["not_reached"]}

    def _webhook(self, settings: WebhookSettings) -> Webhook:
        """Raises ``Unresolved``."""
        url, secret = (str(each.resolve(os.environ, self.project.root)) for each in (settings.url, settings.secret))
        return Webhook(url, secret, settings.allow_http)


def notifier(project: Project) -> SettingsNotifier:
    return SettingsNotifier(project)
