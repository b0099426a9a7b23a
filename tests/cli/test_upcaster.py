from pathlib import Path

from tests.support.command import instar
from tests.support.folders import SETTINGS, write_files

V1 = {"type": "record", "name": "Parcel", "fields": [{"name": "id", "type": "long"}, {"name": "qty", "type": "int"}]}
V2 = {
    "type": "record",
    "name": "Parcel",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "quantity", "type": "int"},
        {"name": "channel", "type": "string", "default": "SHOP"},
    ],
}
FILES = {"instar.toml": SETTINGS, "schemas/parcels/v1.avsc": V1, "schemas/parcels/v2.avsc": V2}
HOP = "upcasters/parcels/v1_to_v2.py"


def test_a_draft_is_printed_and_nothing_is_written(tmp_path: Path) -> None:
    ran = instar("upcaster", "new", "parcels", at=write_files(tmp_path, FILES))
    assert ran.code == 0
    assert 'rename("qty", "quantity"),  # guess: ' in ran.out
    assert 'add("channel"),\n' in ran.out
    assert not (tmp_path / HOP).exists()
    assert "1 guess to read" in ran.err


def test_an_executed_draft_passes_check(tmp_path: Path) -> None:
    at = write_files(tmp_path, FILES)
    assert instar("check", at=at).code == 1
    ran = instar("upcaster", "new", "parcels", "--execute", at=at)
    assert (ran.code, ran.out) == (0, f"{HOP}\n")
    checked = instar("check", "-o", "json", at=at)
    assert checked.code == 0, checked.out


def test_what_is_there_is_never_replaced(tmp_path: Path) -> None:
    at = write_files(tmp_path, {**FILES, HOP: "changes = []\n"})
    assert instar("upcaster", "new", "parcels", at=at).code == 2
    ran = instar("upcaster", "new", "parcels", "--from", "v1", "--execute", at=at)
    assert ran.code == 1
    assert (tmp_path / HOP).read_text() == "changes = []\n"


def test_the_newest_gap_is_drafted_first(tmp_path: Path) -> None:
    at = write_files(tmp_path, {**FILES, "schemas/parcels/v3.avsc": V2})
    assert "v2_to_v3.py" in instar("upcaster", "new", "parcels", at=at).err
    assert "v1_to_v2.py" in instar("upcaster", "new", "parcels", "--from", "v1", at=at).err
    assert instar("upcaster", "new", "parcels", "--from", "v3", at=at).code == 2


def test_the_list_names_risk_and_losses(tmp_path: Path) -> None:
    at = write_files(tmp_path, FILES)
    assert instar("upcaster", "list", "-o", "json", at=at).json[0]["risk"] == "missing"
    instar("upcaster", "new", "parcels", "--execute", at=at)
    (row,) = instar("upcaster", "list", "parcels", "-o", "ndjson", at=at).lines
    assert row["risk"] == "transforming"
    assert row["lost_down"] == ["channel"]
    assert row["file"] == HOP
    assert "transforming" in instar("upcaster", "list", at=at).out


def test_the_graph_is_drawn_three_ways(tmp_path: Path) -> None:
    at = write_files(
        tmp_path, {**FILES, "schemas/parcels/subject.toml": "[versions.v1]\nsunset = 2031-01-31\ntag = '1.0'\n"}
    )
    assert "deprecated, sunset 2031-01-31" in instar("upcaster", "graph", at=at).out
    assert instar("upcaster", "graph", "--as", "mermaid", at=at).out.startswith("flowchart")
    ran = instar("upcaster", "graph", "--as", "svg", "--file", tmp_path / "graph.svg", at=at)
    assert ran.out.strip() == str(tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text().startswith("<svg")
