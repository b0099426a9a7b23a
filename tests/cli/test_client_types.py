"""`instar client types` writes models that the deserializer and the serializer take as they are."""

import importlib.util
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from confluent_kafka.serialization import MessageField, SerializationContext
from tests.support.command import instar
from tests.support.folders import write_files
from tests.support.projects import PARCELS, PARCELS_SETTINGS, VERSION_HEADER, body

from instar.client import InstarDeserializer, InstarSerializer

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind in ("schemas", "upcasters"):
        shutil.copytree(REPOSITORY / kind / "orders", tmp_path / kind / "orders")
    return write_files(tmp_path, {**PARCELS, "instar.toml": PARCELS_SETTINGS})


@pytest.fixture
def load() -> Iterator[Any]:
    """Imports a file as the module of its name, until the test ends."""
    loaded: list[str] = []

    def load(path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = made
        loaded.append(path.stem)
        spec.loader.exec_module(made)
        return made

    yield load
    for name in loaded:
        del sys.modules[name]


def test_one_module_is_written_for_each_version_and_a_second_time_nothing_changes(folder: Path) -> None:
    ran = instar("client", "types", "orders", "--out", "models", "-o", "json", at=folder)
    assert (ran.code, [row["file"] for row in ran.json]) == (0, [f"models/orders_v{each}.py" for each in (1, 2, 3)])
    assert {(row["model"], row["state"]) for row in ran.json} == {("Order", "new")}
    again = instar("client", "types", "orders", "--out", "models", "-o", "json", at=folder)
    assert {row["state"] for row in again.json} == {"unchanged"}


def test_a_record_of_any_version_is_read_as_the_written_model_and_written_from_it(folder: Path, load: Any) -> None:
    assert instar("client", "types", "parcels", "--out", "models", at=folder).code == 0
    newest = load(folder / "models/parcels_v3.py")
    read = InstarDeserializer(folder, to=newest.Parcels)
    for version in (1, 2, 3):
        context = SerializationContext("parcels", MessageField.VALUE, [(VERSION_HEADER, f"v{version}".encode())])
        parcel = read(json.dumps(body(7, version)).encode(), context)
        assert isinstance(parcel, newest.Parcels)
        assert (parcel.first, parcel.cents) == ("Ada", 49)
    write = InstarSerializer(folder, model=newest.Parcels, version="v1")
    context = SerializationContext("parcels", MessageField.VALUE, [])
    assert json.loads(write(parcel, context) or b"") == body(7, 1)


def test_without_a_folder_the_newest_version_is_printed_or_the_one_named(folder: Path) -> None:
    newest = instar("client", "types", "orders", at=folder)
    assert (newest.code, 'instar_version: ClassVar[str] = "v3"' in newest.out) == (0, True)
    first = instar("client", "types", "orders", "--version", "v1", at=folder)
    assert "customer_name: str" in first.out
    assert '"""ISO 8601, with a zone"""' in first.out


def test_check_answers_no_where_a_schema_has_changed_and_writes_nothing(folder: Path) -> None:
    assert instar("client", "types", "parcels", "--out", "models", "--check", at=folder).code == 3
    assert not (folder / "models").exists()
    assert instar("client", "types", "parcels", "--out", "models", at=folder).code == 0
    assert instar("client", "types", "parcels", "--out", "models", "--check", at=folder).code == 0
    schema = folder / "schemas/parcels/v3.json"
    changed = json.loads(schema.read_text())
    changed["properties"]["channel"]["description"] = "where it was ordered"
    schema.write_text(json.dumps(changed))
    before = (folder / "models/parcels_v3.py").read_text()
    ran = instar("client", "types", "parcels", "--out", "models", "--check", "-o", "json", at=folder)
    assert (ran.code, [row["state"] for row in ran.json]) == (3, ["unchanged", "unchanged", "changed"])
    assert (folder / "models/parcels_v3.py").read_text() == before
    assert "where it was ordered" in instar("client", "types", "parcels", at=folder).out


def test_a_file_that_somebody_wrote_is_not_overwritten_and_then_no_other_one_is_written(folder: Path) -> None:
    mine = folder / "models/parcels_v2.py"
    mine.parent.mkdir()
    mine.write_text("# mine\n")
    ran = instar("client", "types", "parcels", "--out", "models", at=folder)
    assert (ran.code, mine.read_text(), list(mine.parent.iterdir())) == (1, "# mine\n", [mine])
    assert "nothing is overwritten" in ran.err


@pytest.mark.parametrize(
    "wrong",
    [
        ("parcel",),
        ("parcels", "--version", "3"),
        ("parcels", "--check"),
        ("parcels", "--version", "v1", "--version", "v2"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(folder: Path, wrong: tuple[str, ...]) -> None:
    assert instar("client", "types", *wrong, at=folder).code == 2
