import json
from pathlib import Path

from tests.support.command import instar


def test_a_new_project_checks_clean_and_its_record_can_be_tried(tmp_path: Path) -> None:
    made = instar("init", "shop", at=tmp_path)
    assert made.code == 0
    assert "shop/instar.toml" in made.out.splitlines()
    assert all((tmp_path / line).is_file() for line in made.out.splitlines())
    checked = instar("check", at=tmp_path / "shop")
    assert (checked.code, checked.out) == (0, "")
    assert "1 subject, 1 version, 0 hops: nothing to say" in checked.err
    record = (tmp_path / "shop/schemas/orders/examples/first.v1.json").read_bytes()
    assert json.loads(instar("try", "orders", "v1", "v1", "-o", "json", at=tmp_path / "shop", stdin=record).out)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/instar.toml").write_text("mine")
    refused = instar("init", "shop", at=tmp_path)
    assert refused.code == 1
    assert "shop/instar.toml is there already" in refused.err
    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["instar.toml"]
    assert (tmp_path / "shop/instar.toml").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = instar("init", "file/shop", at=tmp_path)
    assert refused.code == 1
    assert "file/shop" in refused.err
    assert "Traceback" not in refused.err
