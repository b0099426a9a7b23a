"""Who can be asked about a group or a producer: what programs told the census, and what readers were declared with."""

from collections.abc import Iterable, Mapping

from instar.core.census_fold import Census
from instar.state.readers import DeclaredReader


def group_owners(census: Census | None, readers: Iterable[DeclaredReader]) -> Mapping[str, str]:
    """By the group's name, without those of whom nobody says whose they are. Several owners are all named."""
    said = [(each.group, each.owner) for each in readers]
    if census is not None:
        said += [(each.group or each.client, each.owner) for each in census.clients if each.kind == "reads"]
    return _joined(said)


def producer_owners(census: Census | None) -> Mapping[str, str]:
    """By the name that the producer gives itself."""
    return _joined([] if census is None else [(c.client, c.owner) for c in census.clients if c.kind == "writes"])


def _joined(said: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    found: dict[str, list[str]] = {}
    for name, owner in said:
        if name and owner and owner not in found.setdefault(name, []):
            found[name].append(owner)
    return {name: ", ".join(owners) for name, owners in found.items() if owners}
