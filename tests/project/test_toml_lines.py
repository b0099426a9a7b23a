import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from instar.project.toml_lines import TomlLines

TEXT = '''\
# a comment with [brackets] and key = "value"
format = 1
title = """
[not.a.table]
fake = 1 """
[environments.local]
kafka = { "bootstrap.servers" = "a=b]#", nested = { deep = [1, 2] } }
other."quoted key".x = \'\'\'two
lines\'\'\'
list = [
  "one",  # why
  { name = "two" },
]
[[migrations.m.gates]]
before = "switch"
[[migrations.m.gates]]
before = "retire"
[migrations.m.gates.flyway]
version = "7"
'''


def line(*path: str | int) -> int | None:
    return TomlLines(TEXT).line_of(path)


def test_the_text_of_this_test_is_toml() -> None:
    assert tomllib.loads(TEXT)["environments"]["local"]["list"][1] == {"name": "two"}


def test_a_key_is_found_on_its_line() -> None:
    assert line("format") == 2
    assert line("title") == 3
    assert line("environments", "local", "kafka", "bootstrap.servers") == 7
    assert line("environments", "local", "kafka", "nested", "deep", 1) == 7
    assert line("environments", "local", "other", "quoted key", "x") == 8


def test_elements_of_an_array_are_found_on_their_lines() -> None:
    assert line("environments", "local", "list", 0) == 11
    assert line("environments", "local", "list", 1, "name") == 12


def test_arrays_of_tables_are_counted() -> None:
    assert line("migrations", "m", "gates", 0, "before") == 15
    assert line("migrations", "m", "gates", 1, "before") == 17
    assert line("migrations", "m", "gates", 1, "flyway", "version") == 19


def test_a_key_that_is_not_there_is_found_at_its_table() -> None:
    assert line("migrations", "m", "gates", 0, "flyway") == 14
    assert line("environments", "local", "state") == 6


def test_what_is_nowhere_has_no_line() -> None:
    assert line("absent", "key") is None


def test_text_inside_strings_is_no_key() -> None:
    assert line("not", "a", "table") is None
    assert TomlLines(TEXT).line_of(("fake",)) is None


@given(
    st.dictionaries(
        st.text("abz_-", min_size=1, max_size=4),
        st.one_of(st.integers(), st.text("ab\"'#[]{}=,\n\\", max_size=8)),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_the_values_hold_every_key_keeps_its_line(values: dict[str, int | str]) -> None:
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
    assert tomllib.loads(text) == values
    lines = TomlLines(text)
    assert [lines.line_of((key,)) for key in values] == list(range(1, len(values) + 1))
