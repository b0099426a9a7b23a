"""Opening the registry that an environment names."""

from collections.abc import Mapping
from typing import Any

from instar.core.formats.schema import Schema
from instar.registry.files import FilesRegistry
from instar.registry.port import Ids, RegistryRefused, Withdrawing


def connect(
    config: Mapping[str, Any],
    *,
    ids: Ids,
    schemas: Mapping[tuple[str, int], Schema],
    documents: Mapping[tuple[str, int], str],
) -> Withdrawing:
    """``config`` has ``url`` and the client's properties, all resolved; no connection is made yet.

    Raises ``RegistryRefused`` for settings that cannot work.
    """
    url = str(config.get("url", ""))
    if url == "files":
        return FilesRegistry(schemas, documents, ids)
    if all(each.strip().startswith(("http://", "https://")) for each in url.split(",")):
        # Its client takes a third of a second to import, which every other command would pay.
        from instar.registry.confluent import ConfluentRegistry

        return ConfluentRegistry(config)
    raise RegistryRefused(
        "The registry's url is neither `files` nor an http(s) address.",
        remedy='Write url = "files", or url = "http://HOST:PORT".',
    )
