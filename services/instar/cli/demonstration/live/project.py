"""The live demonstration's project: two subjects of the showcase, each with a migration, a census and a state store."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from instar.adoption.register import places, register
from instar.cli.demonstration.live.names import NEWEST, SUBJECTS, Names, Subject
from instar.cli.demonstration.showcase import copy_subject
from instar.operations.topic_reader import open_registry
from instar.project.deprecate import deprecate
from instar.project.project import Project, load_project

PRODUCER_HEADER = "x-service"
# Groups that the rollout moves, the canary first. The others are their owners' to move.
MANAGED: dict[Subject, tuple[str, ...]] = {"orders": ("billing",), "customers": ("newsletter",)}
_SUNSETS: dict[Subject, tuple[timedelta, str]] = {
    "orders": (timedelta(days=60), "Prices are decimals, names are two fields."),
    "customers": (timedelta(days=-7), "A customer may have several addresses of mail."),
}
_SETTINGS = """\
format = 1

[environments.local]
kafka    = {{ "bootstrap.servers" = "{bootstrap}" }}
registry = {{ url = "files" }}
state    = "sqlite:///.instar/state.db"

[census]
topic           = "{census}"
workers         = true
producer_header = "{header}"
every           = "5s"
window          = "1m"
forget_after    = "1m"      # in a demonstration a minute is long; elsewhere say "30d"
"""
_MIGRATION = """
[migrations.{name}]
subjects  = ["{subject}"]
source    = {{ topic = "{old}", framing = "registry-prefix" }}
target    = {{ topic = "{new}", version = "v{newest}" }}
reverse   = {{ version = "v1", carry_lost = true }}
producers = "{producers}"

[migrations.{name}.rollout]
groups  = [{groups}]
archive = "archive/{subject}"
"""


def make_live_project(folder: Path, names: Names, bootstrap: str) -> Project:
    """Write it, with every version registered in the folder and both first versions deprecated.

    The end of customers v1 is past and that of orders v1 is not, so that one of them can be retired.
    """
    settings = _SETTINGS.format(bootstrap=bootstrap, census=names.census, header=PRODUCER_HEADER)
    for subject in SUBJECTS:
        copy_subject(folder, subject)
        sunset, why = _SUNSETS[subject]
        deprecate(folder, subject, 1, {"deprecated": why, "sunset": _today() + sunset})
        settings += _MIGRATION.format(
            name=names.migration(subject),
            subject=subject,
            old=names.old(subject),
            new=names.new(subject),
            newest=NEWEST[subject],
            # Orders are written at v3 already, while others still write v1 and v2.
            producers="both" if subject == "orders" else "old",
            groups=", ".join(f'{{ group = "{names.group(each)}" }}' for each in MANAGED[subject]),
        )
    (folder / "instar.toml").write_text(settings, encoding="utf-8")
    project = load_project(folder)
    registry = open_registry(project)
    try:
        for subject in SUBJECTS:
            versions = project.catalogue[subject].versions
            wanted = places(project, subject, versions, None, project.settings.migrations.values())
            register(project, registry, wanted)
    finally:
        registry.close()
    return load_project(folder)  # with the ids that were just given to the versions


def _today() -> date:
    return datetime.now(UTC).date()
