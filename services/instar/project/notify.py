"""Who is told what happened to a rollout: a web hook, a program, or both."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from instar.project.late import Late
from instar.project.model import LateValue, Strict, wrong


class Webhook(Strict):
    """``secret`` signs each message (docs/notifications.md). Plain http goes to this machine only, unless
    ``allow_http`` says that the network between is one's own."""

    url: LateValue
    secret: LateValue
    allow_http: bool = False

    @model_validator(mode="after")
    def _http(self) -> Self:
        if not self.url.is_reference and not str(self.url.raw).startswith(("http://", "https://")):
            raise wrong("a web hook has a URL of https", 'write url = "env:HOOK", or "https://..."')
        return self


class Notify(Strict):
    """``command`` is a program with its arguments; no shell reads it. It gets the message as JSON on stdin."""

    webhook: Webhook | None = None
    command: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.webhook is None and self.command is None:
            raise wrong(
                "nobody is named who would be told",
                'add webhook = { url = "env:HOOK", secret = "env:HOOK_SECRET" }, or command = ["./tell.sh"]',
            )
        return self

    def late_values(self) -> dict[str, Late]:
        """What is resolved when a message is sent, by its key in ``webhook``."""
        return {} if self.webhook is None else {"url": self.webhook.url, "secret": self.webhook.secret}
