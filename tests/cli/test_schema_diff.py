from html.parser import HTMLParser
from pathlib import Path

from tests.support.command import instar
from tests.support.folders import SETTINGS, write_files

V1 = {"type": "record", "name": "Parcel", "fields": [{"name": "id", "type": "long"}, {"name": "qty", "type": "int"}]}
V2 = {
    "type": "record",
    "name": "Parcel",
    "fields": [{"name": "id", "type": "long"}, {"name": "quantity", "type": "int"}],
}
HOP = """
    \"\"\"Say it <in> full.\"\"\"
    from instar.changes import rename
    changes = [rename("qty", "quantity")]
    """
FILES = {
    "instar.toml": SETTINGS,
    "schemas/parcels/v1.avsc": V1,
    "schemas/parcels/v2.avsc": V2,
    "schemas/parcels/subject.toml": 'owner = "Depot"\n[versions.v1]\ntag = "1.0"\nsunset = 2031-05-01\n',
    "upcasters/parcels/v1_to_v2.py": HOP,
}


class Cells(HTMLParser):
    """The text of each cell, and the tags that are open at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open:
            self.cells[-1] += data


def test_words_json_and_html_say_the_same(tmp_path: Path) -> None:
    at = write_files(tmp_path, FILES)
    said = instar("schema", "diff", "parcels", "v1", "v2", at=at)
    assert said.code == 0
    assert "qty -> quantity  renamed: int  [transforming]" in said.out
    ran = instar("schema", "diff", "parcels", "v1", "v2", "-o", "json", "--html", tmp_path / "d.html", at=at)
    (change,) = ran.json["changes"]
    assert (change["kind"], change["was"], change["path"]) == ("renamed", ["qty"], "quantity")
    assert ran.json["risk"] == "transforming"
    assert ran.json["renames_are_known"] is True
    page = (tmp_path / "d.html").read_text()
    parser = Cells()
    parser.feed(page)
    assert parser.open == []
    assert parser.cells[0] == "qty → quantity"
    assert change["old_reader"] in parser.cells
    assert "Say it &lt;in&gt; full." in page


def test_without_a_hop_it_says_that_renames_are_guesses(tmp_path: Path) -> None:
    at = write_files(tmp_path, {**FILES, "upcasters/parcels/v1_to_v2.py": None})
    ran = instar("schema", "diff", "parcels", "v1", "v2", at=at)
    assert ran.code == 0
    assert "guess" in ran.out
    assert "is a guess" in ran.err


def test_versions_come_in_order(tmp_path: Path) -> None:
    ran = instar("schema", "diff", "parcels", "v2", "v1", at=write_files(tmp_path, FILES))
    assert ran.code == 2
    assert "instar schema diff parcels v1 v2" in ran.err


def test_the_list_has_tag_hop_owner_and_the_announced_end(tmp_path: Path) -> None:
    at = write_files(tmp_path, FILES)
    first, second = instar("schema", "list", "-o", "json", at=at).json
    assert (first["version"], first["tag"], first["sunset"], first["hop"]) == ("v1", "1.0", "2031-05-01", "")
    assert (second["version"], second["status"], second["hop"]) == ("v2", "newest", "transforming")
    assert "sunset 2031-05-01" in " ".join(instar("schema", "list", "parcels", at=at).out.split())
