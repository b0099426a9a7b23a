"""What verifications keep between runs, in ``.instar/verify`` of the project.

Every file says what it was made from: the plan's fingerprint, the topics' ids, the largest record, and the release of
instar. Made from anything else it is not used. Positions are replaced as a whole; digests are appended.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instar import __version__
from instar.core.cut import Cut
from instar.core.digest import ChunkDigest
from instar.core.provenance import Direction

FORMAT = 1
FOLDER = ".instar/verify"


@dataclass(slots=True)
class Positions:
    """How far a full comparison is, by partition, and when each began: milliseconds since 1970 UTC."""

    cuts: dict[int, Cut] = field(default_factory=dict)
    began_ms: dict[int, int] = field(default_factory=dict)


class OtherPlan(Exception):
    """The saved state is of another plan. ``changed`` names what differs."""

    def __init__(self, changed: tuple[str, ...]) -> None:
        super().__init__(", ".join(changed))
        self.changed = changed


@dataclass(frozen=True, slots=True)
class KeptDigests:
    """The digests in a file: ranges without gaps."""

    path: Path
    first: int
    bound: int

    def __iter__(self) -> Iterator[ChunkDigest]:
        with self.path.open(encoding="utf-8") as lines:
            next(lines)
            for line in lines:
                one = _digest_of(line)
                if one is None or one.first >= self.bound:
                    return
                yield one


class State:
    """The kept state of one migration and direction. ``key`` is what it is made from."""

    def __init__(self, root: Path, migration: str, direction: Direction, key: Mapping[str, str]) -> None:
        self._folder = root / FOLDER
        self._name = f"{migration}.{direction}"
        self._key = {**key, "instar": __version__}

    def load(self) -> Positions | None:
        """Where an earlier run stands; None without one. Raises ``OtherPlan``."""
        said = self._read(self._positions_path)
        if said is None:
            return None
        self._check(said)
        parts = {int(partition): one for partition, one in said["partitions"].items()}
        return Positions(
            {partition: Cut.of(one["cut"]) for partition, one in parts.items()},
            {partition: int(one["began_ms"]) for partition, one in parts.items()},
        )

    def save(self, positions: Positions) -> None:
        document = {
            "format": FORMAT,
            "key": self._key,
            "partitions": {
                str(partition): {"began_ms": positions.began_ms[partition], "cut": cut.document()}
                for partition, cut in positions.cuts.items()
            },
        }
        self._write(self._positions_path, document)

    def save_result(self, document: Mapping[str, Any]) -> None:
        """The last report, for whoever asks whether a fresh verification has passed."""
        self._write(self._folder / f"{self._name}.result.json", document)

    def save_signed(self, document: Mapping[str, Any]) -> None:
        """The last sample that somebody has signed."""
        self._write(self._folder / f"{self._name}.signed.json", document)

    def digests(self, partition: int, bound: int) -> KeptDigests | None:
        """The kept digests below a checkpoint; None where there are none that can be used."""
        path = self._digests_path(partition)
        try:
            with path.open(encoding="utf-8") as lines:
                head = json.loads(next(lines))
                if head.get("format") != FORMAT or head.get("key") != self._key:
                    return None
                first: int | None = None
                reached = 0
                for line in lines:
                    one = _digest_of(line)
                    if one is None or (first is not None and one.first != reached):
                        break  # a line that was cut short by a crash, and whatever follows it
                    first = one.first if first is None else first
                    reached = one.bound
        except (FileNotFoundError, StopIteration, json.JSONDecodeError, AttributeError):
            return None
        if first is None or reached > bound:
            return None  # the checkpoint was moved back: start anew
        return KeptDigests(path, first, reached)

    def keeper(self, partition: int, kept: KeptDigests | None) -> "Keeper":
        """Where new digests go: behind the kept ones, or into a new file."""
        return Keeper(self._digests_path(partition), self._key, kept)

    def _digests_path(self, partition: int) -> Path:
        return self._folder / f"{self._name}.p{partition}.digests"

    @property
    def _positions_path(self) -> Path:
        return self._folder / f"{self._name}.json"

    def _check(self, said: dict[str, Any]) -> None:
        if said.get("format") != FORMAT:
            raise OtherPlan(("the state's format",))
        key = said.get("key", {})
        changed = tuple(name for name, content in self._key.items() if key.get(name) != content)
        if changed:
            raise OtherPlan(changed)

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            said = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except json.JSONDecodeError as error:
            raise OtherPlan((f"the file {path.name}, which does not read",)) from error
        return said if isinstance(said, dict) else None

    def _write(self, path: Path, document: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(path.suffix + ".new")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


class Keeper:
    """Appends digests to a file as they are made; one that breaks off in the middle of a line is found out."""

    def __init__(self, path: Path, key: Mapping[str, str], kept: KeptDigests | None) -> None:
        self._path = path
        self._key = key
        self._started = False
        self._kept = kept

    def __call__(self, digest: ChunkDigest) -> None:
        if not self._started:
            self._start()
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(digest.document()) + "\n")

    def _start(self) -> None:
        """A file that holds exactly the kept ranges, so that what follows them is never behind a broken line."""
        self._started = True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        with temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps({"format": FORMAT, "key": self._key}) + "\n")
            for one in self._kept or ():
                file.write(json.dumps(one.document()) + "\n")
        temporary.replace(self._path)


def _digest_of(line: str) -> ChunkDigest | None:
    try:
        return ChunkDigest.of(json.loads(line))
    except (json.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
