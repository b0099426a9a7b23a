import sys
from pathlib import Path

import pytest
from tests.support.folders import write_files

from instar.core.finding import Finding
from instar.core.record import Context
from instar.project.hops import HopFolder, checksum_of, read_hops

WHOLE = """\
def upcast(record, context):
    return record
"""


def read(root: Path, **files: str) -> HopFolder:
    write_files(root, {f"upcasters/orders/{name}.py": text for name, text in files.items()})
    return read_hops(root, "orders")


def only(root: Path, **files: str) -> Finding:
    result = read(root, **files)
    assert len(result.findings) == 1, result.findings
    return result.findings[0]


def test_a_subject_without_a_folder_has_no_hops(tmp_path: Path) -> None:
    assert read_hops(tmp_path, "orders") == HopFolder()


def test_the_path_of_a_file_is_its_registration(tmp_path: Path) -> None:
    result = read(tmp_path, v1_to_v2=WHOLE, v2_to_v3=WHOLE, helper="X = 1\n")
    assert [(file.hop.name, file.hop.file) for file in result.files] == [
        ("v1_to_v2", "upcasters/orders/v1_to_v2.py"),
        ("v2_to_v3", "upcasters/orders/v2_to_v3.py"),
    ]
    assert not result.findings


def test_loading_leaves_no_module_and_no_compiled_file(tmp_path: Path) -> None:
    before = set(sys.modules)
    read(tmp_path, v1_to_v2="import money\n" + WHOLE, money="import decimal\n")
    assert {name for name in set(sys.modules) - before if "hop" in name or "money" in name} == set()
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_hop_is_read_anew_each_time(tmp_path: Path) -> None:
    files = {"v1_to_v2": "import money\n" + WHOLE.replace("record\n", "{'x': money.X}\n")}
    first = read(tmp_path, money="X = 1\n", **files).files[0]
    second = read(tmp_path, money="X = 2\n", **files).files[0]
    for file, made in ((first, {"x": 1}), (second, {"x": 2})):
        assert file.hop.upcast is not None
        assert file.hop.upcast({}, Context()) == made


def test_a_helper_is_found_in_the_hop_s_own_folder_only(tmp_path: Path) -> None:
    write_files(tmp_path, {"upcasters/other/money.py": "X = 1\n", "money.py": "X = 2\n"})
    finding = only(tmp_path, v1_to_v2="import money\n" + WHOLE)
    assert finding.code == "hop-unloadable"
    assert "No module named 'money'" in finding.message


def test_a_helper_comes_before_an_installed_module_of_its_name(tmp_path: Path) -> None:
    text = "import json\n" + WHOLE.replace("return record", "return {'x': json.MINE}")
    upcast = read(tmp_path, v1_to_v2=text, json="MINE = 1\n").files[0].hop.upcast
    assert upcast is not None
    assert upcast({}, Context()) == {"x": 1}
    assert "MINE" not in vars(sys.modules["json"])


def test_helpers_of_helpers_become_part_of_the_checksum(tmp_path: Path) -> None:
    files = {"v1_to_v2": "from a import A\n" + WHOLE, "a": "import b\nA = b.B\n", "b": "B = 1\n", "c": "C = 1\n"}
    first = read(tmp_path, **files).files[0]
    assert first.helpers == ("upcasters/orders/a.py", "upcasters/orders/b.py")
    assert read(tmp_path, **files).files[0].checksum == first.checksum
    assert read(tmp_path, **{**files, "c": "C = 2\n"}).files[0].checksum == first.checksum
    assert read(tmp_path, **{**files, "b": "B = 2\n"}).files[0].checksum != first.checksum


def test_line_ends_do_not_change_a_checksum() -> None:
    assert checksum_of([("a", "x\r\ny\r\n")]) == checksum_of([("a", "x\ny\n")])
    assert checksum_of([("a", "xy"), ("b", "")]) != checksum_of([("a", "x"), ("b", "y")])


def test_a_syntax_error_is_found_at_its_line(tmp_path: Path) -> None:
    finding = only(tmp_path, v1_to_v2="x = 1\ndef upcast(:\n")
    assert (finding.code, finding.file, finding.line) == ("hop-unloadable", "upcasters/orders/v1_to_v2.py", 2)


def test_a_broken_helper_is_found_in_the_helper(tmp_path: Path) -> None:
    finding = only(tmp_path, v1_to_v2="import money\n" + WHOLE, money="\n\nX = 1 / 0\n")
    assert (finding.file, finding.line) == ("upcasters/orders/money.py", 3)
    assert "ZeroDivisionError: division by zero" in finding.message
    syntax = only(tmp_path, money="\n\nX = = 1\n")
    assert (syntax.file, syntax.line) == ("upcasters/orders/money.py", 3)


def test_a_file_that_exits_does_not_end_the_program(tmp_path: Path) -> None:
    finding = only(tmp_path, v1_to_v2="import sys\nsys.exit(3)\n")
    assert finding.line == 2
    assert "SystemExit: 3" in finding.message


def test_a_broken_hop_does_not_hide_the_others(tmp_path: Path) -> None:
    result = read(tmp_path, v1_to_v2="oops(", v2_to_v3=WHOLE)
    assert [file.hop.name for file in result.files] == ["v2_to_v3"]
    assert result.unreadable == {(1, 2)}


@pytest.mark.parametrize("text", [b"\xff\xfe", b"x = 1\0\n"])
def test_a_file_that_is_no_text_is_found(tmp_path: Path, text: bytes) -> None:
    write_files(tmp_path, {"upcasters/orders/v1_to_v2.py": text})
    assert read_hops(tmp_path, "orders").findings[0].code == "hop-unloadable"


def test_relative_imports_say_what_to_write(tmp_path: Path) -> None:
    finding = only(tmp_path, v1_to_v2="from .money import X\n" + WHOLE, money="X = 1\n")
    assert "write `import money`" in finding.message


def test_a_helper_imported_inside_a_function_would_escape_the_checksum(tmp_path: Path) -> None:
    text = WHOLE.replace("return record", "import money; return record")
    upcast = read(tmp_path, v1_to_v2=text, money="X = 1\n").files[0].hop.upcast
    assert upcast is not None
    with pytest.raises(ImportError, match="import money at the top of the file"):
        upcast({}, Context())


@pytest.mark.parametrize("name", ["v01_to_v2", "V1_to_v2", "v1_to_2", "v1-to-v2", "1_to_2", "v1tov2"])
def test_a_misnamed_hop_says_its_right_name(tmp_path: Path, name: str) -> None:
    finding = only(tmp_path, **{name: WHOLE})
    assert finding.code == "hop-misnamed"
    assert "v1_to_v2.py" in finding.remedy


@pytest.mark.parametrize("name", ["money", "to_iso", "v0_to_v1x", "names_v2"])
def test_a_helper_s_name_is_its_own_affair(tmp_path: Path, name: str) -> None:
    assert not read(tmp_path, **{name: "X = 1\n"}).findings


def test_dataclasses_and_annotations_work_in_a_hop(tmp_path: Path) -> None:
    text = """
        from __future__ import annotations
        from dataclasses import dataclass, field

        @dataclass
        class Name:
            first: str
            rest: list[str] = field(default_factory=list)

        def upcast(record: dict, context) -> dict:
            return {"name": Name(**record).first}
        """
    result = read(tmp_path, v1_to_v2=text)
    assert not result.findings
    upcast = result.files[0].hop.upcast
    assert upcast is not None
    assert upcast({"first": "Ada"}, Context()) == {"name": "Ada"}
