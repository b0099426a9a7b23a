"""A bridge over subjects without files, and its outputs as the target topic would hold them."""

from collections.abc import Iterable

from tests.support.subjects import LONG, STRING, record, subject_of

from instar.core.bridge import Bridge, Carried, Route
from instar.core.compare import Expected
from instar.core.dead_letter import dead_letter
from instar.core.formats.framing import Identity, Named
from instar.core.formats.framing.version_header import VersionHeader
from instar.core.provenance import Direction, Stamp
from instar.core.record import Context, Record
from instar.core.rejected import UNKNOWN_VERSION, VERSION_ABOVE_TARGET, Rejected
from instar.core.subject import Subject
from instar.core.upcasting.carry import Carrier

MIGRATION = "orders-v3"
TOPIC_ID = bytes(range(16))
FRAMING = VersionHeader()

# v1 -> v2 doubles the number; an event with number 13 ends, with 7 becomes three, with 5 makes the hop raise.
HOP = """
def upcast(record, context):
    number = record["number"]
    if number == 5:
        raise ValueError("five")
    if number == 13:
        return None
    if number == 7:
        return [{"number": copy, "text": record["text"]} for copy in range(3)]
    return {"number": number + 1, "text": record["text"]}
"""
TWO_WAYS = """
def upcast(record, context):
    return {"number": record["number"] + 1}

def downcast(record, context):
    return {"number": record["number"] - 1, "text": ""}

lost = {"up": ["text"]}
"""
LOSSY_DOWN = """
def upcast(record, context):
    return record | {"note": ""}

def downcast(record, context):
    return {"number": record["number"]}

lost = {"down": ["note"]}
"""


def event_subject() -> Subject:
    """v1 to v2 with fan-out, drops and rejections."""
    shape = record(number=LONG, text=STRING)
    return subject_of([shape, shape], [HOP])


def event_subject_mended() -> Subject:
    """The same, with a hop that no longer raises."""
    shape = record(number=LONG, text=STRING)
    return subject_of([shape, shape], [HOP.replace("number == 5", "number == -5")])


def two_way_subject() -> Subject:
    """v1 loses its text on the way up and gets an empty one on the way down."""
    return subject_of([record(number=LONG, text=STRING), record(number=LONG)], [TWO_WAYS])


def lossy_down_subject() -> Subject:
    """v2 has a note that v1 has no place for."""
    return subject_of([record(number=LONG), record(number=LONG, note=STRING)], [LOSSY_DOWN])


def bridge_of(
    subject: Subject, target: int, direction: Direction = "up", *, carry_lost: bool = False, **settings: object
) -> Bridge:
    write = FRAMING.writer(subject=subject.name, version=target, schema_id=None)

    def open_route(key: Identity) -> Route | Rejected:
        assert isinstance(key, Named)
        if key.version not in subject.versions:
            return Rejected(UNKNOWN_VERSION, f"v{key.version}")
        if direction == "up" and key.version > target:
            return Rejected(VERSION_ABOVE_TARGET, f"v{key.version}")
        program = subject.program(key.version, target)
        if isinstance(program, Rejected):
            return program
        back = subject.program(target, key.version)
        carrier = None
        if carry_lost and not isinstance(back, Rejected) and key.version != target:
            carrier = Carrier.of(program, back) if direction == "down" else Carrier.of(back, program)
        return Route(program, write, carrier)

    limit = settings.pop("largest_record_bytes", 1_000_000)
    return Bridge(MIGRATION, direction, FRAMING, open_route, limit, **settings)  # type: ignore[arg-type]


def stamp(direction: Direction = "up", partition: int = 0) -> Stamp:
    return Stamp(MIGRATION, direction, TOPIC_ID, partition)


def published(bridge: Bridge, sources: Iterable[Record]) -> tuple[list[Record], list[Record], list[Carried]]:
    """The target's and the dead letters' records, with gaps in their offsets as transactions leave them."""
    targets: list[Record] = []
    letters: list[Record] = []
    results = []
    for source in sources:
        carried = bridge.carry(source, stamp(bridge.direction, source.partition))
        results.append(carried)
        for output in carried.outputs:
            targets.append(Record("target", source.partition, len(targets) * 2, *output))
        if carried.rejected is not None:
            letter = dead_letter(source, TOPIC_ID, carried.rejected, MIGRATION, bridge.direction)
            timestamp_ms = source.timestamp_ms + 1
            letters.append(Record("dlq", source.partition, len(letters) * 2, *letter[:3], timestamp_ms))
    return targets, letters, results


class Expecter:
    """What the reference chain makes of a record, written once more without the bridge."""

    def __init__(self, subject: Subject, target: int) -> None:
        self._subject = subject
        self._target = target

    def __call__(self, source: Record) -> Expected:
        if source.value is None:
            return Expected([lambda record: None if record.value is None else "no tombstone"])
        framed = FRAMING.identify(source.value, source.headers)
        if isinstance(framed, Rejected):
            return Expected([], framed)
        assert isinstance(framed.identity, Named)
        chain = self._subject.chain(framed.identity.version, self._target)
        if isinstance(chain, Rejected):
            return Expected([], chain)
        value = chain.before.decode(framed.body)
        if isinstance(value, Rejected):
            return Expected([], value)
        folded = chain.fold(value, Context())
        if isinstance(folded, Rejected):
            return Expected([], folded)
        return Expected([self._matcher(chain.after.encode(one)) for one in folded])

    def _matcher(self, body: object):  # type: ignore[no-untyped-def]
        def match(record: Record) -> str | None:
            assert record.value is not None
            framed = FRAMING.identify(record.value, record.headers)
            if isinstance(framed, Rejected):
                return "the framing does not read"
            foreign = [header for header in record.headers if not header[0].startswith("instar-")]
            if foreign != [("trace", b"1")]:
                return "headers differ"
            return None if framed.body == body else "the value differs"

        return match
