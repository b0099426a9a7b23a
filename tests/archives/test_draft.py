import os
import stat
from pathlib import Path

import pytest

from instar.archives.draft import Draft
from instar.archives.errors import Unusable


def draft(path: Path, content: bytes = b"new") -> Draft:
    made = Draft(path)
    made.file.write(content)
    made.seal()
    return made


def test_nothing_is_visible_under_the_name_until_it_is_kept(tmp_path: Path) -> None:
    made = draft(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    made.keep(replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_bytes() == b"new"


def test_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    made = Draft(tmp_path / "out")
    made.file.write(b"half")
    made.discard()
    made.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_came_into_being_meanwhile_is_not_replaced_unless_told(tmp_path: Path) -> None:
    made = draft(tmp_path / "out")
    (tmp_path / "out").write_bytes(b"theirs")
    with pytest.raises(Unusable, match="there already"):
        made.keep(replace=False)
    assert (tmp_path / "out").read_bytes() == b"theirs"
    made.keep(replace=True)
    assert (tmp_path / "out").read_bytes() == b"new"


def test_the_result_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        draft(tmp_path / "out").keep(replace=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="nowhere"):
        Draft(tmp_path / "nowhere" / "out")


def test_a_file_system_without_links_still_refuses_to_replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "out").write_bytes(b"theirs")
    made = draft(tmp_path / "out")
    with pytest.raises(Unusable, match="there already"):
        made.keep(replace=False)
    (tmp_path / "out").unlink()
    made.keep(replace=False)
    assert (tmp_path / "out").read_bytes() == b"new"
