"""A pack carries formats into programs that have no project: built, installed by pip, verified, read from."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.support.command import instar
from tests.support.folders import write_files
from tests.support.projects import PARCELS, PARCELS_SETTINGS, body

SERVICES = Path(__file__).resolve().parents[2] / "services"
READ = """
import json, sys
from confluent_kafka.serialization import MessageField, SerializationContext
from instar.client import InstarDeserializer
read = InstarDeserializer.from_pack("shop-formats", subject="parcels", version="v3", fingerprint=sys.argv[2] or None)
context = SerializationContext("parcels", MessageField.VALUE, [("instar-version", b"v1")])
print(json.dumps(read(sys.argv[1].encode(), context)))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    example = {"schemas/parcels/examples/real.v1.json": json.dumps(body(1, 1, "Somebody Real"))}
    return write_files(tmp_path / "project", {**PARCELS, **example, "instar.toml": PARCELS_SETTINGS})


def build(folder: Path, version: str = "1.0.0") -> dict[str, str]:
    ran = instar("pack", "shop-formats", version, "-o", "json", at=folder)
    assert ran.code == 0, ran.err
    (row,) = ran.json
    return {**row, "path": str(folder / row["file"])}


def install(wheel: str, site: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*command, "--target", str(site), wheel], env=environment, check=True, timeout=120)


def read(site: Path, fingerprint: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(SERVICES)])}
    command = [sys.executable, "-c", READ, json.dumps(body(7, 1)), fingerprint]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_program_reads_through_an_installed_pack_until_a_file_of_it_is_edited(folder: Path, tmp_path: Path) -> None:
    built, site = build(folder), tmp_path / "site"
    install(built["path"], site)
    done = read(site, built["fingerprint"])
    assert json.loads(done.stdout) == body(7, 3, channel="WEB"), done.stderr
    assert "not 0000000000000000" in read(site, "0" * 64).stderr
    hop = site / "shop_formats/formats/upcasters/parcels/v2_to_v3.py"
    hop.write_text(hop.read_text().replace("WEB", "web"))
    edited = read(site)
    assert edited.returncode == 1
    assert "upcasters/parcels/v2_to_v3.py was edited" in edited.stderr
    assert "Install the wheel again" in edited.stderr


def test_the_same_project_gives_the_same_bytes_and_no_examples(folder: Path) -> None:
    first = Path(build(folder)["path"])
    data = first.read_bytes()
    first.unlink()
    assert Path(build(folder)["path"]).read_bytes() == data
    with zipfile.ZipFile(first) as archive:
        assert archive.testzip() is None
        assert not [name for name in archive.namelist() if "examples" in name]


def test_a_version_that_was_built_is_not_overwritten_with_something_else(folder: Path) -> None:
    build(folder)
    (folder / "schemas/parcels/subject.toml").write_text('owner = "somebody else"\n')
    ran = instar("pack", "shop-formats", "1.0.0", at=folder)
    assert ran.code == 1
    assert "use the next version" in ran.err
    build(folder, "1.0.1")


@pytest.mark.parametrize(("name", "version"), [("shop formats", "1.0"), ("../shop", "1.0"), ("shop", "one")])
def test_a_name_or_version_that_no_installer_takes_is_a_usage_error(folder: Path, name: str, version: str) -> None:
    assert instar("pack", name, version, at=folder).code == 2
