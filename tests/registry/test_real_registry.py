"""This repository's own schemas through a real registry and back."""

from pathlib import Path
from uuid import uuid4

import pytest

from instar.core.formats.framing import SchemaId
from instar.project.catalogue import read_catalogue
from instar.project.lock import Lock, LockIds
from instar.registry.confluent import ConfluentRegistry
from instar.registry.identify import Identity
from instar.registry.port import Document, RegistryRefused

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.registry
def test_every_version_of_every_subject_is_recognized_by_the_id_that_a_registry_gives_it(
    registry_url: str, tmp_path: Path
) -> None:
    read = read_catalogue(ROOT)
    registry = ConfluentRegistry({"url": registry_url})
    run = uuid4().hex[:8]
    try:
        for name, subject in read.catalogue.subjects.items():
            # A topic, and so a registry subject, for each version: no compatibility rule stands in between.
            ids = {
                version: registry.register(f"{name}.v{version}-{run}", Document(subject.kind, source.document))
                for version, source in read.sources[name].schemas.items()
            }
            identity = Identity(registry, LockIds(tmp_path, "real", Lock()), [subject])
            assert ids
            for version, number in ids.items():
                assert identity.version_of(SchemaId(number)) == (name, version)
    finally:
        registry.close()


@pytest.mark.registry
def test_a_schema_that_a_real_registry_cannot_parse_is_refused(registry_url: str) -> None:
    registry = ConfluentRegistry({"url": registry_url})
    try:
        with pytest.raises(RegistryRefused):
            registry.register(f"broken-{uuid4().hex[:8]}", Document("avro", '{"type": "record"}'))
    finally:
        registry.close()
