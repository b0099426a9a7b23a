from pathlib import Path

import pytest

from instar.core.finding import Finding
from instar.core.formats.framing.payload_field import PayloadField
from instar.core.formats.framing.unframed import Unframed
from instar.core.formats.framing.version_header import VersionHeader
from instar.project.settings import (
    NoSuchEnvironment,
    Settings,
    SettingsFile,
    choose_environment,
    find_root,
    read_settings,
    written_secrets,
)

HEAD = "format = 1\n"
MIGRATION = """
[migrations.orders-v3]
subjects = ["orders"]
source = { topic = "orders" }
target = { topic = "orders.v3", version = "v3" }
"""


def read(root: Path, text: str, name: str = "instar.toml") -> SettingsFile | list[Finding]:
    (root / name).write_text(text)
    return read_settings(root)


def good(root: Path, text: str) -> Settings:
    result = read(root, text)
    assert isinstance(result, SettingsFile), result
    return result.settings


def only(root: Path, text: str) -> Finding:
    result = read(root, text)
    assert isinstance(result, list)
    assert len(result) == 1, result
    return result[0]


def test_the_settings_of_the_design_page_are_read(tmp_path: Path) -> None:
    text = """
format = 1
[environments.production]
kafka    = { "bootstrap.servers" = "env:KAFKA", "security.protocol" = "SASL_SSL" }
registry = { url = "env:REGISTRY", strategy = "topic" }
state    = "env:INSTAR_DB"
[migrations.orders-v3]
subjects  = ["orders"]
source    = { topic = "orders", framing = "registry-prefix" }
target    = { topic = "orders.v3", version = "v3" }
reverse   = { version = "v1", carry_lost = true }
producers = "old"
mode      = "ordered"
on_error  = "dead-letter"
[[migrations.orders-v3.gates]]
before = "switch"
flyway = { database = "env:ORDERS_DB", version = "7" }
[migrations.orders-v3.limits]
error_rate = { above = 0.001, window = "5m", then = "pause" }
"""
    settings = good(tmp_path, text)
    migration = settings.migrations["orders-v3"]
    assert migration.target.version == 3
    assert migration.reverse is not None
    assert migration.reverse.carry_lost
    assert migration.dead_letter_topic == "orders.v3.dlq"
    assert migration.target_framing.kind == "registry-prefix"
    assert migration.limits.error_rate is not None
    assert migration.limits.error_rate.window == 300
    environment = settings.environments["production"]
    environ = {"KAFKA": "broker:9092", "REGISTRY": "http://registry:8081"}
    assert environment.kafka_config(environ, tmp_path) == {
        "bootstrap.servers": "broker:9092",
        "security.protocol": "SASL_SSL",
    }
    assert environment.registry_config(environ, tmp_path) == {"url": "http://registry:8081"}


def test_settings_in_pyproject_are_the_same_settings(tmp_path: Path) -> None:
    table = MIGRATION.replace("[migrations", "[tool.instar.migrations")
    result = read(tmp_path, '[project]\nname = "x"\n[tool.instar]\nformat = 1\n' + table, "pyproject.toml")
    assert isinstance(result, SettingsFile)
    (tmp_path / "pyproject.toml").unlink()
    assert result.settings == good(tmp_path, HEAD + MIGRATION)


def test_settings_in_two_places_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.instar]\nformat = 1\n")
    assert only(tmp_path, HEAD).code == "settings-twice"


def test_a_pyproject_of_something_else_does_not_disturb(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.other]\n")
    assert good(tmp_path, HEAD).format == 1


def test_a_folder_without_settings_says_how_to_begin(tmp_path: Path) -> None:
    findings = read_settings(tmp_path)
    assert isinstance(findings, list)
    assert findings[0].code == "settings-missing"
    assert "instar init" in findings[0].remedy


def test_an_unknown_key_names_the_nearest_known_one_and_its_line(tmp_path: Path) -> None:
    finding = only(tmp_path, HEAD + MIGRATION + 'producrs = "old"\n')
    assert finding.code == "settings-unknown-key"
    assert finding.path == "migrations.orders-v3.producrs"
    assert finding.remedy == "did you mean `producers`?"
    assert (finding.file, finding.line) == ("instar.toml", 7)


def test_an_unknown_key_inside_a_table_is_placed_there(tmp_path: Path) -> None:
    finding = only(tmp_path, HEAD + MIGRATION.replace('topic = "orders" }', 'topic = "orders", framin = "none" }'))
    assert finding.path == "migrations.orders-v3.source.framin"
    assert finding.remedy == "did you mean `framing`?"
    assert finding.line == 5


def test_a_key_that_resembles_none_lists_all(tmp_path: Path) -> None:
    finding = only(tmp_path, HEAD + "[environments.local]\nzzz = 1\n")
    assert finding.remedy == "known here: instance, kafka, notify, registry, require_rehearsal, serve, state"


def test_a_wrong_value_says_which_are_allowed(tmp_path: Path) -> None:
    finding = only(tmp_path, HEAD + MIGRATION + 'producers = "bth"\n')
    assert finding.message == "`migrations.orders-v3.producers` must be `old`, `both` or `new`"
    assert finding.remedy == "did you mean `both`?"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('on_error = "dead_letter"', "did you mean `dead-letter`?"),
        ("batch = { max_records = 0 }", "write a number that is at least 1"),
        ("headers = { deny = 'x' }", "write an array like [ ... ]"),
        ("reverse = { version = 1 }", 'write "v1"'),
        ("reverse = { version = 'v01' }", 'write "v3"'),
        ("reverse = { version = 'v1', carry_lost = 'yes' }", "write true or false"),
        ("dead_letters = 'a b'", "a topic has 1 to 249"),
        ("limits = { error_rate = { above = 0.1, window = '5', then = 'pause' } }", '"5m"'),
        ("gates = [{ before = 'switch' }]", "for example: flyway"),
    ],
)
def test_each_wrong_value_has_a_remedy(tmp_path: Path, line: str, says: str) -> None:
    finding = only(tmp_path, HEAD + MIGRATION + line + "\n")
    assert says in finding.remedy
    assert finding.line == 7


def test_everything_wrong_is_found_at_once(tmp_path: Path) -> None:
    result = read(tmp_path, HEAD + "[migrations.m]\nsubjects = []\nsource = {}\nmode = 1\n")
    assert isinstance(result, list)
    assert {finding.path for finding in result} == {
        "migrations.m.subjects",
        "migrations.m.source.topic",
        "migrations.m.target",
        "migrations.m.mode",
    }


def test_a_missing_format_says_what_to_add(tmp_path: Path) -> None:
    finding = only(tmp_path, "[environments.local]\n")
    assert finding.path == "format"
    assert finding.message == "`format` is missing"


def test_a_newer_format_is_not_judged_by_the_rules_of_this_one(tmp_path: Path) -> None:
    finding = only(tmp_path, "format = 2\nsomething_new = 1\n")
    assert finding.code == "settings-format"
    assert finding.remedy == "use a newer instar"


def test_broken_toml_is_found_at_its_line(tmp_path: Path) -> None:
    finding = only(tmp_path, "format = 1\n[oops\n")
    assert finding.code == "settings-unreadable"
    assert finding.line == 2


def test_a_secret_in_the_settings_is_a_warning_that_does_not_show_it(tmp_path: Path) -> None:
    text = (
        HEAD
        + '[environments.local]\nkafka = { "sasl.password" = "hunter2" }\nregistry = { url = "http://u:hunter2@r" }\n'
    )
    result = read(tmp_path, text)
    assert isinstance(result, SettingsFile)
    warnings = written_secrets(result)
    assert [(warning.line, warning.severity) for warning in warnings] == [(3, "warning"), (4, "warning")]
    assert "hunter2" not in repr(warnings)
    assert "hunter2" not in repr(result.settings)
    assert "hunter2" not in str(result.settings.model_dump())


def test_a_secret_in_a_wrong_place_is_not_quoted(tmp_path: Path) -> None:
    finding = only(tmp_path, HEAD + '[environments.local]\nkafka = "sasl.password=hunter2"\n')
    assert "hunter2" not in repr(finding)


def test_an_unquoted_kafka_name_explains_the_quotes(tmp_path: Path) -> None:
    finding = only(tmp_path, HEAD + '[environments.local.kafka]\nbootstrap.servers = "x"\n')
    assert '"bootstrap.servers"' in finding.remedy


def test_the_registry_client_s_own_keys_pass_through(tmp_path: Path) -> None:
    text = (
        HEAD + '[environments.local]\nregistry = { url = "http://r", "basic.auth.user.info" = "env:U", timeout = 3 }\n'
    )
    environment = good(tmp_path, text).environments["local"]
    assert environment.registry_config({"U": "a:b"}, tmp_path) == {
        "url": "http://r",
        "basic.auth.user.info": "a:b",
        "timeout": 3,
    }


def test_a_misspelt_registry_key_is_still_found(tmp_path: Path) -> None:
    finding = only(tmp_path, HEAD + '[environments.local]\nregistry = { url = "files", stratgy = "topic" }\n')
    assert finding.remedy == "did you mean `strategy`?"


def framing(root: Path, value: str) -> Settings | Finding:
    text = HEAD + MIGRATION.replace('topic = "orders" }', f'topic = "orders", framing = {value} }}')
    result = read(root, text)
    return result.settings if isinstance(result, SettingsFile) else result[0]


def test_framings_are_built_from_a_string_or_a_table(tmp_path: Path) -> None:
    def built(value: str, **known: int) -> object:
        settings = framing(tmp_path, value)
        assert isinstance(settings, Settings), settings
        return settings.migrations["orders-v3"].source.framing.build(**known)

    assert built('{ kind = "payload-field", field = "v", default = "v1" }') == PayloadField("v", default=1)
    assert built('{ kind = "version-header", header = "x-version" }') == VersionHeader("x-version")
    assert built('"version-header"') == VersionHeader()
    assert built('"none"', version=2) == Unframed(2)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ('"registry-prefx"', "did you mean `registry-prefix`?"),
        ('{ kind = "registry-prefix", header = "x" }', "remove it; registry-prefix has no other key"),
        ('{ kind = "payload-field" }', 'add field = "schema_version"'),
        ('{ kind = "none", default = "v1" }', "remove it"),
    ],
)
def test_a_framing_that_cannot_be_is_refused(tmp_path: Path, value: str, says: str) -> None:
    finding = framing(tmp_path, value)
    assert isinstance(finding, Finding)
    assert says in finding.remedy


def test_the_environment_is_the_named_one_or_local_or_the_only_one(tmp_path: Path) -> None:
    two = good(tmp_path, HEAD + "[environments.local]\n[environments.production]\n")
    assert choose_environment(two, None)[0] == "local"
    assert choose_environment(two, "production")[0] == "production"
    with pytest.raises(NoSuchEnvironment, match="`prodction`") as failed:
        choose_environment(two, "prodction")
    assert failed.value.remedy == "did you mean `production`?"
    assert choose_environment(good(tmp_path, HEAD + "[environments.only]\n"), None)[0] == "only"
    assert choose_environment(good(tmp_path, HEAD), None)[0] == "local"
    with pytest.raises(NoSuchEnvironment, match="none is named `local`"):
        choose_environment(good(tmp_path, HEAD + "[environments.a]\n[environments.b]\n"), None)


def test_names_that_would_not_fit_into_a_group_s_name_are_refused(tmp_path: Path) -> None:
    finding = only(tmp_path, HEAD + MIGRATION.replace("orders-v3]", '"orders v3"]'))
    assert finding.path == 'migrations."orders v3"'


def test_the_root_is_found_from_a_folder_inside(tmp_path: Path) -> None:
    inside = tmp_path / "schemas" / "orders"
    inside.mkdir(parents=True)
    assert find_root(inside) is None
    (tmp_path / "pyproject.toml").write_text("[tool.instar.environments.local]\n")
    assert find_root(inside) == tmp_path.resolve()
