"""Who depends on a version: every source is told, and none hides another."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from instar.census.following import Writer
from instar.core.census_result import Client, Seen
from instar.core.retirement import Group
from instar.operations.dependants import Dependant, Place, Wrote, dependants
from instar.rollout.evidence import GroupsSeen
from instar.state.readers import DeclaredReader

NOW_MS = 1_750_000_000_000
DAY_MS = 86_400_000
OLD = Place("sales", "sales", "sales-v3", "old", (1, 2, 3), (1, 2), "sales.v3")
NEW = Place("sales.v3", "sales", "sales-v3", "new", (3,), (), "sales")


@dataclass(frozen=True)
class World:
    groups: Mapping[str, tuple[Group, ...]] = field(default_factory=dict)
    clients: tuple[Client, ...] = ()
    writers: Mapping[Writer, Wrote] = field(default_factory=dict)
    readers: tuple[DeclaredReader, ...] = ()

    def rows(self, old: Place = OLD) -> dict[tuple[str, str, str, str], Dependant]:
        groups = {topic: GroupsSeen(each) for topic, each in self.groups.items()}
        made = dependants(
            [old, NEW], groups, self.clients, self.writers, self.readers, now_ms=NOW_MS, keep_ms=30 * DAY_MS
        )
        return {row.key: row for row in made}


def client(
    name: str, group: str, versions: dict[str, int], *, found: dict[str, int] | None = None, kind: str = "reads",
    owner: str = "", topic: str = "sales", subject: str = "sales", ago_ms: int = 1000,
) -> Client:  # fmt: skip
    at_ms = NOW_MS - ago_ms
    said = {version: Seen(count, at_ms) for version, count in versions.items()}
    met = {version: Seen(count, at_ms) for version, count in (found or {}).items()}
    return Client(0, 1, kind, topic, subject, name, group, owner, said, met)  # type: ignore[arg-type]


def declared(group: str, version: int, *, expires_ms: int = NOW_MS + DAY_MS, owner: str = "finance") -> DeclaredReader:
    return DeclaredReader(group, "sales", version, owner, expires_ms, "ada", NOW_MS - DAY_MS)


READS = ("reads", "billing", "sales", "sales")


def ways(row: Dependant) -> dict[str, list[str]]:
    return {version: [mark.way for mark in marks] for version, marks in row.marks.items()}


def test_a_group_its_programs_and_a_declaration_of_it_are_one_row_with_all_that_they_say() -> None:
    world = World(
        {"sales": (Group("billing", 2, 7, NOW_MS - 5000),)},
        (client("b-1", "billing", {"v3": 4}, found={"v1": 3, "v2": 1}), client("b-2", "billing", {"v3": 5})),
        readers=(declared("billing", 2),),
    )
    (row,) = world.rows().values()
    assert row.key == READS
    assert (row.members, row.lag_records, row.last_ms, row.owners) == (2, 7, NOW_MS, ("finance",))
    assert ways(row) == {"v1": ["seen", "may meet"], "v2": ["declared", "seen", "may meet"], "v3": ["said", "may meet"]}
    assert row.marks["v3"][0].records == 9
    assert [told.source for told in row.told] == ["consumer group", "census", "census", "declaration"]
    assert row.stands_against == ("v1", "v2")


def test_a_group_is_seen_now_while_it_has_members_and_was_seen_with_its_last_record_otherwise() -> None:
    for members, last_ms in ((1, NOW_MS), (0, NOW_MS - 5000), (None, NOW_MS - 5000)):
        (row,) = World({"sales": (Group("billing", members, 7, NOW_MS - 5000),)}).rows().values()
        assert row.last_ms == last_ms
        assert row.told[0].at_ms == NOW_MS - 5000


def test_a_group_on_the_new_topic_stands_in_nobodys_way() -> None:
    rows = World({"sales.v3": (Group("billing", 2, 7),)}).rows()
    assert rows["reads", "billing", "sales.v3", "sales"].stands_against == ()


def test_a_group_that_was_moved_stands_in_nobodys_way_once_it_has_no_members() -> None:
    moved = replace(OLD, moved=frozenset({"billing"}))
    for members, against in ((0, ()), (1, ("v1", "v2")), (None, ("v1", "v2"))):
        (row,) = World({"sales": (Group("billing", members, 7),)}).rows(moved).values()
        assert row.stands_against == against
        assert bool(row.told[0].remedy) == bool(against)


def test_a_declaration_counts_until_its_day_and_is_told_after_it() -> None:
    for expires_ms, against in ((NOW_MS + 1, ("v1",)), (NOW_MS, ())):
        (row,) = World(readers=(declared("ledger", 1, expires_ms=expires_ms),)).rows().values()
        assert (row.who, row.topic, row.stands_against) == ("ledger", "", against)
        assert bool(row.told[0].remedy) == bool(against)
        assert ("which is over" in row.told[0].text) == (not against)


def test_a_declaration_belongs_to_the_topic_that_may_hold_its_version() -> None:
    groups = {"sales": (Group("billing", 1, 0),), "sales.v3": (Group("billing", 1, 0),)}
    rows = World(groups, readers=(declared("billing", 1),)).rows()
    assert {key[2]: "declared" in ways(row).get("v1", []) for key, row in rows.items()} == {
        "sales": True,
        "sales.v3": False,
    }


def test_what_a_program_said_long_ago_is_told_and_no_longer_counts() -> None:
    old = Seen(3, NOW_MS - 31 * DAY_MS)
    said = replace(client("b-1", "billing", {"v3": 1}), versions={"v1": old, "v3": Seen(1, NOW_MS)})
    (row,) = World(clients=(said,)).rows().values()
    assert "said" in ways(row)["v1"]
    assert row.stands_against == ()


def test_a_program_counts_whatever_its_topic_is_and_only_for_its_subject() -> None:
    rows = World(
        clients=(
            client("b-1", "", {"v1": 1}, topic="copy-of-sales"),
            client("b-1", "", {"v1": 1}, subject="letters"),
        )
    ).rows()
    assert {key[3]: row.stands_against for key, row in rows.items()} == {"sales": ("v1",), "letters": ()}


def test_who_writes_the_old_topic_since_the_switch_is_in_the_way_and_who_wrote_it_before_is_not() -> None:
    switched = replace(OLD, switched_ms=NOW_MS - 60_000)
    for last_ms, place, against in (
        (NOW_MS, switched, ("v1",)),
        (NOW_MS - 90_000, switched, ()),
        (NOW_MS - 90_000, OLD, ("v1",)),
    ):
        writers = {Writer("sales", "sales", "till", "v1"): Wrote(5, last_ms)}
        (row,) = World(writers=writers).rows(place).values()
        assert row.stands_against == against
        assert ways(row) == {"v1": ["seen"]}


def test_a_program_that_says_what_it_writes_and_the_producer_of_its_name_are_one_row() -> None:
    world = World(
        clients=(client("till", "", {"v2": 4}, kind="writes", owner="shop"),),
        writers={
            Writer("sales", "sales", "till", "v2"): Wrote(4, NOW_MS),
            Writer("sales", "sales", "", "v1"): Wrote(1, NOW_MS),
        },
    )
    rows = world.rows()
    assert {key[1] for key in rows} == {"till", ""}
    till = rows["writes", "till", "sales", "sales"]
    assert (ways(till), till.owners) == ({"v2": ["said", "seen"]}, ("shop",))
    assert "producer_header" in rows["writes", "", "sales", "sales"].told[0].remedy


def test_an_owner_that_is_known_from_another_topic_is_the_groups_owner_here_too() -> None:
    said = client("b-1", "billing", {"v3": 1}, topic="elsewhere", owner="finance")
    rows = World({"sales": (Group("billing", 1, 0),)}, (said,)).rows()
    assert rows[READS].owners == ("finance",)


NAMES = st.sampled_from(["billing", "search", "till", ""])
TOPICS = st.sampled_from(["sales", "sales.v3", "elsewhere"])
VERSIONS = st.sampled_from(["v1", "v2", "v3"])
WORLDS = st.builds(
    World,
    st.dictionaries(
        st.sampled_from(["sales", "sales.v3"]),
        st.lists(st.builds(Group, NAMES.filter(bool), st.none() | st.integers(0, 3), st.none() | st.integers(0, 9)),
                 max_size=3, unique_by=lambda group: group.name).map(tuple),
    ),
    st.lists(st.builds(client, NAMES, NAMES, st.dictionaries(VERSIONS, st.integers(0, 9)),
                       kind=st.sampled_from(["reads", "writes"]), topic=TOPICS), max_size=5).map(tuple),
    st.dictionaries(st.builds(Writer, TOPICS, st.just("sales"), NAMES, VERSIONS),
                    st.builds(Wrote, st.integers(0, 9), st.just(NOW_MS)), max_size=5),
    st.lists(st.builds(declared, NAMES.filter(bool), st.integers(1, 3)), max_size=3,
             unique_by=lambda reader: reader.group).map(tuple),
)  # fmt: skip


@given(WORLDS)
def test_no_row_is_lost(world: World) -> None:
    rows = world.rows()
    told = [each.source for row in rows.values() for each in row.told]
    assert told.count("consumer group") == sum(map(len, world.groups.values()))
    assert told.count("census") == len(world.clients)
    assert told.count("declaration") >= len(world.readers)
    assert told.count("version mix") == len({(each.producer, each.topic) for each in world.writers})
    assert all(row.told for row in rows.values())


@given(WORLDS)
def test_no_source_hides_another(world: World) -> None:
    """What one source alone shows is there with all of them: its rows, marks, reasons, owners and when it was seen."""
    whole = world.rows()
    for alone in (
        World(groups=world.groups),
        World(clients=world.clients),
        World(writers=world.writers),
    ):
        for key, row in alone.rows().items():
            together = whole[key]
            assert {(v, way) for v, each in ways(row).items() for way in each} <= {
                (v, way) for v, each in ways(together).items() for way in each
            }
            assert set(row.stands_against) <= set(together.stands_against)
            assert set(row.told) <= set(together.told)
            assert row.last_ms is None or (together.last_ms or 0) >= row.last_ms
            assert row.members is None or together.members == row.members
    for reader in world.readers:
        mine = [row for key, row in whole.items() if key[1] == reader.group and "declared" in str(ways(row))]
        assert mine
        assert reader.version == 3 or all(f"v{reader.version}" in row.stands_against for row in mine)
