"""One environment of the settings: where Kafka, the registry and the state are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from instar.project.late import Late, Plain
from instar.project.model import LateValue, Strict, duration_s, wrong
from instar.project.notify import Notify
from instar.project.serving import Serve

Strategy = Literal["topic", "record", "topic-record"]

FILES = "files"  # the registry that is the project folder itself


def _kafka(value: Any, _info: ValidationInfo) -> Any:
    """librdkafka's own names pass through, each with a plain value or a reference."""
    if not isinstance(value, dict):
        return value
    return {name: _named(name, raw) for name, raw in value.items()}


def _named(name: str, raw: Any) -> Late:
    try:
        return Late.of(raw, name)
    except ValueError as error:
        raise wrong(f"{name}: {error}", 'librdkafka\'s names are quoted: "bootstrap.servers" = "127.0.0.1:9092"') from (
            error
        )


class RegistrySettings(Strict):
    """``url`` is ``files`` or http(s); every other key (``basic.auth.user.info``, ``ssl.ca.location``, ``timeout``,
    ``max.retries``, ...) goes to the registry's client as it is."""

    url: LateValue
    strategy: Strategy = "topic"
    client: Annotated[dict[str, Late], BeforeValidator(_kafka)] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather_client_keys(cls, value: Any) -> Any:
        """The client's names have dots in them, ours have none, so a misspelt key of ours is still found."""
        if not isinstance(value, dict):
            return value
        own = {name: each for name, each in value.items() if "." not in name and name not in _CLIENT_NAMES}
        rest = {name: each for name, each in value.items() if name not in own}
        if rest and "client" not in own:
            own["client"] = rest
        return own

    @property
    def is_files(self) -> bool:
        return self.url.raw == FILES


# The client's properties without a dot in their name.
_CLIENT_NAMES = frozenset({"timeout", "proxy"})


class Environment(Strict):
    """``instance`` names this installation's worker slots; it must differ between installations on one Kafka.

    ``require_rehearsal``: ``apply`` wants a rehearsal of the same fingerprint that is not older than this.
    """

    kafka: Annotated[dict[str, Late], BeforeValidator(_kafka)] = Field(default_factory=dict)
    registry: RegistrySettings = RegistrySettings(url=Late(FILES, "url"))
    state: LateValue = Late("sqlite:///.instar/state.db", "state")
    instance: LateValue = Late("instar", "instance")
    notify: Notify | None = None
    serve: Serve | None = None  # instead of the one that all environments share
    require_rehearsal: Annotated[int, BeforeValidator(duration_s)] | None = None  # written "7d", held in seconds

    def kafka_config(self, environ: Mapping[str, str], root: Path) -> dict[str, Plain]:
        """librdkafka's configuration with every reference resolved. Raises ``late.Unresolved``."""
        return {name: value.resolve(environ, root) for name, value in self.kafka.items()}

    def registry_config(self, environ: Mapping[str, str], root: Path) -> dict[str, Plain]:
        """The registry client's configuration, ``url`` included, resolved. Raises ``late.Unresolved``."""
        resolved = {name: value.resolve(environ, root) for name, value in self.registry.client.items()}
        return {"url": self.registry.url.resolve(environ, root), **resolved}
