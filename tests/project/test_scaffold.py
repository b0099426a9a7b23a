import re
from pathlib import Path

import pytest

from instar.project.check import check_project
from instar.project.project import load_project
from instar.project.scaffold import AlreadyThere, init

ROOT = Path(__file__).resolve().parents[2]


def test_a_new_project_checks_clean(tmp_path: Path) -> None:
    init(tmp_path / "shop")
    assert check_project(load_project(tmp_path / "shop"), samples=50) == []


def test_it_has_the_shape_of_this_repository(tmp_path: Path) -> None:
    """The two folders of content, one subject folder each, the same names of files."""
    written = init(tmp_path / "shop")
    assert {Path(file).parts[0] for file in written if "/" in file} == {"schemas", "upcasters"}
    for subject in (ROOT / "schemas").iterdir():
        if subject.is_dir():
            assert (subject / "v1.avsc").exists() or (subject / "v1.json").exists()


def test_the_files_are_named_in_what_is_returned(tmp_path: Path) -> None:
    written = init(tmp_path / "shop")
    there = [
        path.relative_to(tmp_path / "shop").as_posix() for path in (tmp_path / "shop").rglob("*") if path.is_file()
    ]
    assert written == sorted(there)


def test_following_the_readme_leads_to_a_second_version_that_checks_clean(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    init(shop)
    readme = (shop / "README.md").read_text()
    schema, hop, sensitive = re.findall(r"```(?:json|python|toml)\n(.*?)```", readme, re.S)
    (shop / "schemas/orders/v2.avsc").write_text(schema)
    (shop / "upcasters/orders/v1_to_v2.py").write_text(hop)
    (shop / "schemas/orders/subject.toml").write_text(sensitive)
    settings = shop / "instar.toml"
    settings.write_text(re.sub(r"^# (?=[\[a-z])", "", settings.read_text(), flags=re.M))
    project = load_project(shop)
    assert list(project.settings.migrations) == ["orders-v2"]
    assert check_project(project, samples=50) == []


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "schemas/orders").mkdir(parents=True)
    (tmp_path / "schemas/orders/v1.avsc").write_text("mine")
    with pytest.raises(AlreadyThere, match=r"schemas/orders/v1\.avsc is there already"):
        init(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["v1.avsc"]
    assert (tmp_path / "schemas/orders/v1.avsc").read_text() == "mine"


def test_a_repository_s_own_readme_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert "README.md" not in init(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize(("folder", "namespace"), [("My Shop!", "my_shop"), ("2024", "n2024"), ("---", "n")])
def test_any_folder_s_name_becomes_a_namespace(tmp_path: Path, folder: str, namespace: str) -> None:
    init(tmp_path / folder)
    assert f'"{namespace}"' in (tmp_path / folder / "schemas/orders/v1.avsc").read_text()
    assert check_project(load_project(tmp_path / folder)) == []
