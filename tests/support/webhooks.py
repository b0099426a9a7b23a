"""Real GitHub webhook payloads with their published schemas, read in place from the folder beside the repository."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

DATA = Path(__file__).resolve().parents[2] / "../shared/data/github-webhooks"
TAGS = ("4.0.0", "5.0.0", "6.0.0", "7.0.0", "7.6.1")  # of our versions v1 to v5
SUBJECTS = {
    "check_run": "github-check-run",
    "deployment_status": "github-deployment-status",
    "member": "github-member",
}

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the webhook data is not beside the repository")

_REFERENCE = re.compile(r'"\$ref": "(?:common/)?([^"/]+)"')


@dataclass(frozen=True, slots=True)
class Payload:
    """A real payload of one tag. ``valid`` are the tags under whose published schema it is valid."""

    file: str
    event: str
    action: str
    tag: str
    valid: frozenset[str]
    data: bytes = field(repr=False)

    @property
    def subject(self) -> str:
        return SUBJECTS[self.event]

    @property
    def version(self) -> int:
        return TAGS.index(self.tag) + 1


@cache
def payloads() -> tuple[Payload, ...]:
    """All of them. Their validity is what the published schemas' own package says, not what we say."""
    rows = json.loads((DATA / "validity-matrix.json").read_bytes())
    return tuple(
        Payload(
            file=row["example"],
            event=row["event"],
            action=row["action"],
            tag=row["tag"].removeprefix("v"),
            valid=frozenset(tag.removeprefix("v") for tag, result in row["validity"].items() if result is True),
            data=(DATA / row["example"]).read_bytes(),
        )
        for row in rows
    )


@cache
def documents(tag: str) -> dict[str, Any]:
    """The published schemas of a tag by URI, ``urn:member:added`` and ``urn:common:user``, references rewritten."""
    folder = DATA / f"v{tag}" / "payload-schemas"
    return {
        f"urn:{path.parent.name}:{path.name.removesuffix('.schema.json')}": _rewritten(path)
        for path in folder.rglob("*.schema.json")
    }


def _rewritten(path: Path) -> Any:
    """Their own ``$id`` and ``$ref`` mean places that depend on how the folder is loaded."""
    document = json.loads(path.read_bytes())
    document.pop("$id", None)
    return json.loads(_REFERENCE.sub(lambda match: f'"$ref": "urn:common:{_stem(match[1])}"', json.dumps(document)))


def _stem(name: str) -> str:
    return name.removesuffix(".schema.json")


def published(tag: str, event: str) -> Any:
    """One schema for an event whatever its action."""
    actions = sorted(uri for uri in documents(tag) if uri.startswith(f"urn:{event}:"))
    return {"$schema": "http://json-schema.org/draft-07/schema#", "anyOf": [{"$ref": uri} for uri in actions]}


@cache
def _validator(tag: str, event: str, action: str) -> jsonschema.Draft7Validator:
    registry: Registry[Any] = Registry().with_resources(
        (uri, Resource.from_contents(document, default_specification=DRAFT7))
        for uri, document in documents(tag).items()
    )
    return jsonschema.Draft7Validator(documents(tag)[f"urn:{event}:{action}"], registry=registry)


def errors(tag: str, event: str, value: Any) -> Iterator[str]:
    """What the published schema of a tag has against a value, by a validator that instar does not use."""
    for error in _validator(tag, event, value["action"]).iter_errors(value):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:100]}"
