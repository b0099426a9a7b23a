"""Any registry that speaks Confluent's API (Confluent, Apicurio, Karapace, Redpanda), through Confluent's own client.

The client caches what never changes (a document by id). What it raises is translated here once: no answer is
``RegistryUnreachable``, an answer that is no is ``RegistryRefused``, not found is None.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient

# The client takes one of two HTTP libraries; only this module knows which, and what it raises comes through.
from confluent_kafka.schema_registry.common._httpx_compat import httpx
from confluent_kafka.schema_registry.error import OAuthTokenError, SchemaRegistryError

from instar.core.formats.schema import Kind
from instar.registry.port import Document, DocumentUnusable, Listed, Registered, RegistryRefused, RegistryUnreachable

Result = TypeVar("Result")

# The client waits without end for a server that accepts and never answers, and retries for a minute, unless told.
_DEFAULTS: Mapping[str, Any] = {"timeout": 10, "max.retries": 3, "retries.wait.ms": 200, "retries.max.wait.ms": 2000}
_NUMBERS = (
    "timeout",
    "max.retries",
    "retries.wait.ms",
    "retries.max.wait.ms",
    "cache.capacity",
    "cache.latest.ttl.sec",
)
_KINDS: Mapping[str, Kind] = {"AVRO": "avro", "JSON": "json"}
_TYPES: Mapping[Kind, str] = {"avro": "AVRO", "json": "JSON"}
_LIMIT_REFERENCES = 200  # of one document, with those of its references: a cycle or a mistake ends here
_NOT_FOUND = re.compile(r"404\d\d\Z")  # 40401 subject, 40402 version, 40403 schema; a bare 404 is another service's
_GUID = re.compile(r"[0-9a-fA-F-]{32,36}\Z")


class ConfluentRegistry:
    """``config`` are the client's own properties, ``url`` included. Raises ``RegistryRefused`` for a wrong one."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.name = _without_credentials(str(config.get("url", "")))
        try:
            self._client = SchemaRegistryClient({**_DEFAULTS, **_numbered(config)})
        except (ValueError, TypeError, OSError) as error:
            raise RegistryRefused(
                f"The registry's settings are not usable: {_first_line(error)}",
                remedy="Correct [tool.instar.environments.<name>] registry; "
                "keys beside url and strategy are those of Confluent's client.",
            ) from error

    def schema_of(self, schema_id: int) -> Registered | None:
        schema = self._ask(f"schema {schema_id}", lambda: self._client.get_schema(schema_id))
        return None if schema is None else Registered(schema_id, self._document(schema, f"schema {schema_id}"))

    def schema_of_guid(self, guid: str) -> Registered | None:
        if not _GUID.match(guid):
            return None
        # A registry without global identifiers (Apicurio) answers that there is no such path: it has none such.
        schema = self._ask(f"schema {guid}", lambda: self._client.get_schema_by_guid(guid), any_404=True)
        if schema is None:
            return None
        return Registered(None, self._document(schema, f"schema {guid}"), guid)

    def id_of(self, subject: str, document: Document) -> int | None:
        schema = _schema(document)
        found = self._ask(subject, lambda: self._client.lookup_schema(subject, schema))
        return None if found is None else _id_in(found.schema_id, subject)

    def register(self, subject: str, document: Document) -> int:
        schema = _schema(document)
        made = self._ask(subject, lambda: self._client.register_schema(subject, schema))
        return _id_in(made, subject)

    def withdraw(self, subject: str, document: Document) -> bool:
        schema = _schema(document)
        found = self._ask(subject, lambda: self._client.lookup_schema(subject, schema))
        if found is None or found.version is None:
            return False
        number = found.version
        return self._ask(subject, lambda: self._client.delete_version(subject, number)) is not None

    def versions_of(self, subject: str) -> list[Listed]:
        numbers = self._ask(subject, lambda: self._client.get_versions(subject)) or []
        found = []
        for number in sorted(numbers):
            what = f"version {number} of {subject}"
            each = self._ask(what, partial(self._client.get_version, subject, number))
            if each is not None:  # deleted since
                found.append(Listed(number, _id_in(each.schema_id, subject), self._document(each.schema, what)))
        return found

    def compatibility_of(self, subject: str) -> str | None:
        for name in (subject, None):  # its own, else the registry's for all
            level = self._ask("the compatibility", partial(self._client.get_config, name), any_404=True)
            if level is not None:
                said = level.compatibility_level or level.compatibility
                return str(getattr(said, "value", said)) if said else None
        return None

    def ping(self) -> None:
        self._ask("the list of subjects", self._client.get_schema_types)

    def close(self) -> None:
        self._client.close()

    def _document(self, schema: Schema, what: str) -> Document:
        kind = _KINDS.get((schema.schema_type or "AVRO").upper())
        if kind is None or schema.schema_str is None:
            raise DocumentUnusable(
                f"{what} of {self.name} is of type {schema.schema_type}, which instar does not read.",
                remedy="instar reads Avro and JSON Schema.",
            )
        references: dict[str, str] = {}
        self._resolve(schema.references or [], references)
        return Document(kind, schema.schema_str, references)

    def _resolve(self, references: list[SchemaReference], found: dict[str, str]) -> None:
        for reference in references:
            name, subject, version = str(reference.name), str(reference.subject), reference.version or 1
            if name in found:
                continue
            if len(found) >= _LIMIT_REFERENCES:
                raise DocumentUnusable(
                    f"A schema of {self.name} refers to more than {_LIMIT_REFERENCES} others.",
                    remedy="Register it as one document.",
                )
            what = f"version {version} of {subject}"
            registered = self._ask(what, partial(self._client.get_version, subject, version, deleted=True))
            if registered is None or registered.schema.schema_str is None:
                raise DocumentUnusable(
                    f"A schema of {self.name} refers to {what}, which is not there.",
                    remedy="Register it again, or restore it.",
                )
            found[name] = registered.schema.schema_str
            self._resolve(registered.schema.references or [], found)

    def _ask(self, what: str, request: Callable[[], Result], *, any_404: bool = False) -> Result | None:
        """One request, its failures translated; None when the registry says that it is not there."""
        try:
            return request()
        except SchemaRegistryError as error:
            if _NOT_FOUND.match(str(error.error_code)) or (any_404 and error.http_status_code == 404):
                return None
            raise self._refusal(what, error) from error
        except OAuthTokenError as error:
            raise RegistryRefused(
                f"No token for the registry {self.name}: {_first_line(error)}",
                remedy="Check the bearer.auth settings of the registry.",
            ) from error
        except httpx.HTTPError as error:
            reason = _first_line(error) or type(error).__name__
            raise RegistryUnreachable(
                f"The registry {self.name} does not answer: {reason}",
                remedy="Is it running, and is the URL right? `instar doctor` looks at each part.",
            ) from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            # The client's own parsing of an answer that is not a registry's: a proxy's page, another service.
            raise self._stranger(what, type(error).__name__) from error

    def _stranger(self, what: str, sign: str) -> RegistryRefused:
        return RegistryRefused(
            f"What answers at {self.name} is not a schema registry ({sign} for {what}).",
            remedy="Check the URL; Apicurio's is http://HOST:8080/apis/ccompat/v7.",
        )

    def _refusal(self, what: str, error: SchemaRegistryError) -> RegistryRefused | RegistryUnreachable:
        status, said = error.http_status_code, _first_line(error.error_message or "")
        if status in (401, 403):
            return RegistryRefused(
                f"The registry {self.name} does not let us in ({status}) for {what}.",
                remedy="Check basic.auth.user.info or bearer.auth of the registry, and the account's permissions.",
            )
        if status == 404:
            return self._stranger(what, "404")
        if status == 409:
            return RegistryRefused(
                f"The registry {self.name} says that the schema is not compatible with earlier ones of {what}: {said}",
                remedy="Give the new version a topic of its own, or set the subject's compatibility in the registry.",
            )
        if status >= 500 or status in (408, 429):
            return RegistryUnreachable(
                f"The registry {self.name} answers {status} for {what}: {said}",
                remedy="Try again later; the registry's own log says more.",
            )
        return RegistryRefused(
            f"The registry {self.name} answers {status} for {what}: {said}", remedy="See its answer."
        )


def _schema(document: Document) -> Schema:
    if document.references:
        raise ValueError("a document is registered whole, without references")
    return Schema(document.text, _TYPES[document.kind])


def _id_in(schema_id: int | None, subject: str) -> int:
    if schema_id is None:
        raise RegistryRefused(f"The registry gave no id for {subject}.", remedy="See the registry's own log.")
    return schema_id


def _numbered(config: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers may come from the environment, as text."""
    made = dict(config)
    for key in _NUMBERS:
        if isinstance(made.get(key), str):
            made[key] = float(made[key])
    return made


def _without_credentials(urls: str) -> str:
    """The client takes several URLs with commas between; each may hold a user and a password."""
    shown = []
    for url in urls.split(","):
        parts = urlsplit(url.strip())
        host = parts.netloc.rpartition("@")[2]
        shown.append(urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")))
    return ",".join(shown)


def _first_line(said: object) -> str:
    lines = str(said).strip().splitlines()
    return lines[0][:300] if lines else ""
