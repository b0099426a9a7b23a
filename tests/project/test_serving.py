"""Who may use `instar serve`: tokens are hashes that stand in the settings, in a variable or in a file."""

from hashlib import sha256
from pathlib import Path

import pytest

from instar.project.late import Unresolved
from instar.project.project import load_project
from instar.project.serving import Serve
from instar.project.settings import SettingsFile, read_settings

ADA, BOB = sha256(b"ada's").hexdigest(), sha256(b"bob's").hexdigest()


def serve_of(root: Path, *tokens: str) -> Serve:
    lines = ",\n".join(tokens)
    (root / "instar.toml").write_text(f"format = 1\n[serve]\ntokens = [\n{lines}\n]\n", encoding="utf-8")
    result = read_settings(root)
    assert isinstance(result, SettingsFile), result
    return result.settings.serve


def token(name: str, digest: str) -> str:
    return f'{{ name = "{name}", role = "viewer", sha256 = "{digest}" }}'


def test_a_hash_may_stand_in_a_variable_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "bob.sha256").write_text(BOB + "\n", encoding="utf-8")
    serve = serve_of(tmp_path, token("ada", "env:ADA"), token("bob", "file:bob.sha256"))
    assert [each.sha256 for each in serve.callers({"ADA": ADA}, tmp_path)] == [ADA, BOB]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "the token of ada: the environment variable ADA is not set"),
        ({"ADA": ""}, "the token of ada: env:ADA is not the SHA-256 of a token"),
        ({"ADA": "hunter2"}, "the token of ada: env:ADA is not the SHA-256 of a token"),
        ({"ADA": BOB}, "the token of ada is that of bob too"),
    ],
)
def test_nobody_comes_in_by_a_hash_that_is_none_and_it_is_not_shown(
    tmp_path: Path, environ: dict[str, str], said: str
) -> None:
    serve = serve_of(tmp_path, token("bob", BOB), token("ada", "env:ADA"))
    with pytest.raises(Unresolved, match=said) as raised:
        serve.callers(environ, tmp_path)
    assert "hunter2" not in str(raised.value)


def test_what_is_neither_a_hash_nor_a_reference_is_named(tmp_path: Path) -> None:
    (tmp_path / "instar.toml").write_text(f"format = 1\n[serve]\ntokens = [\n{token('ada', 'env:1')}\n]\n")
    result = read_settings(tmp_path)
    assert isinstance(result, list)
    assert "`env:` must be followed by the name of a variable" in str(result[0])


def test_an_environment_may_let_others_in_than_the_rest(tmp_path: Path) -> None:
    shared, own = token("ada", ADA), token("bob", BOB)
    (tmp_path / "instar.toml").write_text(
        f"format = 1\n[serve]\ntokens = [{shared}]\n[environments.local]\n"
        f"[environments.production.serve]\ntokens = [{own}]\n",
        encoding="utf-8",
    )
    assert [each.name for each in load_project(tmp_path, "local").serve.tokens] == ["ada"]
    assert [each.name for each in load_project(tmp_path, "production").serve.tokens] == ["bob"]
