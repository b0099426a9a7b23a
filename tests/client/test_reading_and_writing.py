"""A program with its own Kafka client reads and writes the version that it wants, whatever the topic holds."""

import json
import logging
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError
from pydantic import BaseModel
from tests.support.folders import write_files
from tests.support.projects import PARCELS, PARCELS_SETTINGS, VERSION_HEADER, body

from instar.client import InstarDeserializer, InstarSerializer, NewerRecord, RecordRejected, SetupError
from instar.client.unsaid import UnsaidContext
from instar.core.census_message import CensusMessage
from instar.core.formats.framing.registry_prefix import PREFIX
from instar.project.project import load_project

REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES = REPOSITORY / "services"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path, {**PARCELS, "instar.toml": PARCELS_SETTINGS})


def at(version: str, topic: str = "parcels") -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE, [(VERSION_HEADER, version.encode())])


def packed(number: int, version: int) -> bytes:
    return json.dumps(body(number, version)).encode()


def order(number: int) -> dict[str, Any]:
    return {
        "order_id": f"A-{number}",
        "customer_name": "Ada Lovelace",
        "street": "1 Harbour Way",
        "city": "Lisbon",
        "created": "2026-01-05T08:00:00.000001Z",
        "status": "SENT",
        "items": [{"sku": "TEA-250", "qty": number, "price_cents": 195}],
        "coupon": None,
    }


class ParcelV3(BaseModel):
    id: int
    first: str
    last: str
    cents: int
    channel: str


@dataclass
class ParcelV1:
    id: int
    name: str
    cents: int


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize("version", [1, 2, 3])
def test_records_of_every_version_arrive_as_the_model_asked_for(folder: Path, version: int) -> None:
    read = InstarDeserializer(folder, subject="parcels", version="v3", to=ParcelV3)
    parcel = read(packed(7, version), at(f"v{version}"))
    assert parcel == ParcelV3(id=7, first="Ada", last="Lovelace", cents=49, channel="SHOP" if version == 3 else "WEB")


def test_a_newer_record_comes_down_to_the_version_that_a_program_knows(folder: Path) -> None:
    read = InstarDeserializer(folder, subject="parcels", version="v1", to=ParcelV1)
    assert read(packed(7, 3), at("v3")) == ParcelV1(7, "Ada Lovelace", 49)


def test_a_newer_record_can_be_handed_on_raw(folder: Path) -> None:
    read = InstarDeserializer(folder, subject="parcels", version="v1", on_newer="raw")
    newer = read(packed(7, 3), at("v3"))
    assert newer == NewerRecord("parcels", "v3", packed(7, 3), body(7, 3))


def test_a_newer_record_can_be_refused_and_the_refusal_names_it(folder: Path) -> None:
    read = InstarDeserializer(folder, subject="parcels", version="v1", on_newer="raise")
    with pytest.raises(RecordRejected) as caught:
        read(packed(7, 3), at("v3"))
    assert (caught.value.code, caught.value.from_version, caught.value.to_version) == (
        "version-above-target",
        "v3",
        "v1",
    )


def test_a_version_that_nobody_here_knows_is_passed_on_raw_or_refused(folder: Path) -> None:
    asked: dict[str, Any] = {"subject": "parcels", "version": "v3"}
    raw = InstarDeserializer(folder, on_newer="raw", **asked)(b'{"all": "new"}', at("v9"))
    assert raw == NewerRecord("parcels", "v9", b'{"all": "new"}', None)
    with pytest.raises(RecordRejected, match="unknown-version"):
        InstarDeserializer(folder, **asked)(b'{"all": "new"}', at("v9"))


def test_without_a_type_a_record_is_a_dict_and_a_tombstone_is_none(folder: Path) -> None:
    read = InstarDeserializer(folder, subject="parcels", version="latest")
    assert read(packed(7, 1), at("v1")) == body(7, 3, channel="WEB")
    assert read(None, at("v1")) is None


def test_what_a_hop_refuses_says_where_and_shows_no_value(folder: Path) -> None:
    read = InstarDeserializer(folder, subject="parcels", version="v3")
    with pytest.raises(RecordRejected) as caught:
        read(json.dumps(body(7, 1, "nobody")).encode(), at("v1"))
    assert (caught.value.hop, caught.value.topic) == ("v1_to_v2", "parcels")
    assert isinstance(caught.value, SerializationError)


def test_bytes_that_are_no_record_are_refused_as_such(folder: Path) -> None:
    read = InstarDeserializer(folder, subject="parcels", version="v3")
    for garbage in (b"", b"{", b"\xff\xfe", b"[]", b'{"id": "x"}'):
        with pytest.raises(RecordRejected):
            read(garbage, at("v1"))


def test_a_model_that_does_not_take_a_valid_record_is_named_without_the_value(folder: Path) -> None:
    class Wrong(BaseModel):
        id: int
        last: int

    read = InstarDeserializer(folder, subject="parcels", version="v3", to=Wrong)
    with pytest.raises(RecordRejected) as caught:
        read(packed(7, 3), at("v3"))
    assert (caught.value.code, caught.value.path) == ("model-mismatch", "last")
    assert "Lovelace" not in str(caught.value)


def test_a_wrong_set_up_says_what_there_is(folder: Path) -> None:
    with pytest.raises(SetupError, match=r"parcels has no v9.*It has v1, v2, v3"):
        InstarDeserializer(folder, subject="parcels", version="v9")
    with pytest.raises(SetupError, match=r"has no subject 'parcel'.*parcels"):
        InstarDeserializer(folder, subject="parcel", version="v1")
    with pytest.raises(SetupError, match="is not a folder"):
        InstarDeserializer(folder / "elsewhere", subject="parcels", version="v1")


# ------------------------------------------------------------------ writing


def test_what_a_program_writes_another_reads_at_its_own_version(folder: Path) -> None:
    write = InstarSerializer(folder, subject="parcels", version="v1")
    read = InstarDeserializer(folder, subject="parcels", version="v3", to=ParcelV3)
    context = SerializationContext("parcels", MessageField.VALUE, [])
    value = write(ParcelV1(7, "Ada Lovelace", 49), context)
    assert context.headers == [(VERSION_HEADER, b"v1")]
    assert read(value, context) == ParcelV3(id=7, first="Ada", last="Lovelace", cents=49, channel="WEB")


def test_objects_of_one_version_can_be_written_as_another(folder: Path) -> None:
    write = InstarSerializer(folder, subject="parcels", given="v3", version="v1")
    context = SerializationContext("parcels", MessageField.VALUE, [])
    given = ParcelV3(id=7, first="Ada", last="Lovelace", cents=49, channel="SHOP")
    assert json.loads(write(given, context) or b"") == body(7, 1)
    assert json.loads(write(body(7, 3), context) or b"") == body(7, 1)


def test_an_invalid_object_is_never_written(folder: Path) -> None:
    write = InstarSerializer(folder, subject="parcels", version="v1")
    with pytest.raises(RecordRejected, match="invalid-input"):
        write({"id": 7}, SerializationContext("parcels", MessageField.VALUE, []))
    assert write(None, SerializationContext("parcels", MessageField.VALUE, [])) is None


def test_a_framing_in_a_header_asks_for_headers_to_write_into(folder: Path) -> None:
    write = InstarSerializer(folder, subject="parcels", version="v1")
    with pytest.raises(RecordRejected, match=r"produce\(\) headers=\[\]"):
        write(body(7, 1), SerializationContext("parcels", MessageField.VALUE, None))


def test_an_order_that_is_read_and_written_at_its_own_version_is_the_same_bytes(tmp_path: Path) -> None:
    for kind in ("schemas", "upcasters"):
        shutil.copytree(REPOSITORY / kind / "orders", tmp_path / kind / "orders")
    settings = PARCELS_SETTINGS.replace("parcels", "orders").replace("version-header", "registry-prefix")
    write_files(tmp_path, {"instar.toml": settings})
    subject = load_project(tmp_path).catalogue["orders"]
    context = SerializationContext("orders", MessageField.VALUE)
    write = InstarSerializer(tmp_path, subject="orders", version="v1")
    read = InstarDeserializer(tmp_path, subject="orders", version="v1")
    lifted = InstarDeserializer(tmp_path, subject="orders", version="v3")
    for number in (3, 33, 330):
        plain = order(number)
        data = write(plain, context)
        assert data is not None
        assert write(read(data, context), context) == data
        body = subject.versions[1].decode(data[PREFIX.size :])
        outputs = subject.chain(1, 3).fold(body, UnsaidContext())
        assert [lifted(data, context)] == outputs


# ------------------------------------------------------------------ what else a program gets


def test_a_program_that_depends_on_an_ending_version_is_told_so_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sunset = date.today() + timedelta(days=30)  # noqa: DTZ011
    notes = f'owner = "shipping"\n\n[versions.v1]\nsunset = {sunset}\ndeprecated = "names are two"\n'
    (folder / "schemas/parcels/subject.toml").write_text(notes)
    read = InstarDeserializer(folder, subject="parcels", version="v1")
    with caplog.at_level(logging.WARNING, "instar.client"):
        for number in range(3):
            read(packed(number, 1), at("v1"))
    (said,) = [record.getMessage() for record in caplog.records]
    assert "reads parcels v1 of topic parcels, which is deprecated: names are two" in said
    assert "move to v3 (owner: shipping)" in said


def test_a_program_reports_what_it_reads_and_what_it_found(folder: Path) -> None:
    said: list[CensusMessage] = []
    read = InstarDeserializer(
        folder, subject="parcels", version="v3", on_use=said.append, client="billing-1", group="billing", owner="money"
    )
    for version in (1, 1, 2, 3):
        read(packed(7, version), at(f"v{version}"))
    read.close()
    (message,) = said
    assert (message.kind, message.topic, message.subject, message.group) == ("reads", "parcels", "parcels", "billing")
    assert (message.versions, message.found) == ({"v3": 4}, {"v1": 2, "v2": 1, "v3": 1})


def test_a_report_that_cannot_be_made_never_reaches_the_program(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fails(_: CensusMessage) -> None:
        raise RuntimeError("no")

    read = InstarDeserializer(folder, subject="parcels", version="v3", on_use=fails)
    with caplog.at_level(logging.WARNING, "instar.client"):
        assert read(packed(7, 3), at("v3")) == body(7, 3)
        read.close()
    assert "was not taken" in caplog.text


def test_the_library_is_light_to_import() -> None:
    heavy = ("sqlalchemy", "alembic", "fastapi", "faust", "typer", "rich", "opentelemetry", "jinja2", "uvicorn")
    code = (
        f"import sys; sys.path.insert(0, {str(SERVICES)!r}); import instar.client; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
