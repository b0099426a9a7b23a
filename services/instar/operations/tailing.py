"""Watching a topic grow: one consumer for a topic, however many watch it, and a few records a second for each of them.

A consumer for each listener would read the topic once for each: 50 listeners on a topic of 10,000 records/s are 500,000
records/s and 250 threads of the client. Here records are read once, held once against each different filter, and told
in frames that all listeners of a filter share. What is not shown is counted.
"""

import secrets
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from instar.core.reading import Read
from instar.core.record import Record
from instar.core.version import label
from instar.kafka.errors import KafkaTrouble
from instar.kafka.live import LiveReader
from instar.operations.failure import Failure
from instar.operations.topic_reader import TopicReader
from instar.registry.port import RegistryError

log = structlog.get_logger(__name__)

SHOWN_PER_S = 20  # to one listener: the eye follows no more
SHOWN_AT_ONCE = 50  # after a while in which less came
READ_PER_S = 10_000  # of one topic: the server has other things to do
SKIP_BEHIND = 2 * READ_PER_S
FRAME_S = 0.25
FRAMES_KEPT = 40  # ten seconds, for a listener that comes back
LINGER_S = 10.0
_BATCH_RECORDS = 2_000
_END_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are watched; None: any. ``version`` is written like ``v1``."""

    key: bytes | None = None
    version: str | None = None
    partition: int | None = None
    subject: str | None = None

    def fits(self, reader: TopicReader, record: Record) -> bool:
        if self.partition not in (None, record.partition) or (self.key is not None and record.key != self.key):
            return False
        if self.version is None and self.subject is None:
            return True
        read = reader.read(record)
        return (
            isinstance(read, Read)
            and self.version in (None, label(read.version))
            and self.subject in (None, read.subject.name)
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """What came within a moment. ``rows`` are the newest, as ``describe`` tells them.

    ``not_shown`` fitted the filter as well; ``not_read`` are offsets of the whole topic that were passed over.
    """

    number: int
    rows: tuple[str, ...]
    not_shown: int
    not_read: int


@dataclass(slots=True)
class Channel:
    """All listeners of one filter. The feed's thread writes, listeners read: under the feed's lock."""

    filter: Filter
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    listeners: int = 0
    left_s: float = 0.0  # when the last one went
    number: int = 0  # of the newest frame
    frames: deque[Frame] = field(default_factory=lambda: deque(maxlen=FRAMES_KEPT))
    fresh: deque[Record] = field(default_factory=lambda: deque(maxlen=SHOWN_AT_ONCE))
    came: int = 0
    allowance: float = SHOWN_AT_ONCE

    def frame(self, describe: Callable[[Record], str], not_read: int) -> Frame | None:
        """The next frame; None where there is nothing to tell."""
        self.allowance = min(SHOWN_AT_ONCE, self.allowance + SHOWN_PER_S * FRAME_S)
        if not self.came and not not_read:
            return None
        shown = list(self.fresh)[-int(self.allowance) :] if self.allowance >= 1 else []
        self.allowance -= len(shown)
        rows = tuple(describe(record) for record in shown)
        made = Frame(self.number + 1, rows, self.came - len(shown), not_read)
        self.fresh.clear()
        self.came = 0
        return made


class Feed:
    """One topic, read in a thread from its present end on until nobody has listened for a while."""

    def __init__(
        self,
        kafka: Mapping[str, Any],
        topic: str,
        starts: Mapping[int, int],
        reader: TopicReader,
        describe: Callable[[TopicReader, Record], str],
    ) -> None:
        self.topic = topic
        self.lock = threading.Lock()
        self.channels: dict[Filter, Channel] = {}
        self.trouble: Exception | None = None  # why it ended, where nobody asked it to
        self.ended = False
        self._live = LiveReader(kafka, topic, starts)
        self._reader = reader
        self._describe = describe
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tail {topic}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def join(self) -> None:
        self._thread.join(_END_WITHIN_S)

    def listen(self, wanted: Filter, limit: int) -> Channel | None:
        """The filter's channel with one listener more; None where there would be more than ``limit`` filters, or the
        feed has ended."""
        with self.lock:
            if self.ended or (wanted not in self.channels and len(self.channels) >= limit):
                return None
            channel = self.channels.setdefault(wanted, Channel(wanted))
            channel.listeners += 1
            return channel

    def leave(self, channel: Channel) -> None:
        with self.lock:
            channel.listeners -= 1
            channel.left_s = time.monotonic()

    def since(self, channel: Channel, number: int) -> list[Frame]:
        """The frames behind a number that are still kept."""
        with self.lock:
            return [frame for frame in channel.frames if frame.number > number] if channel.number > number else []

    def _run(self) -> None:
        try:
            with self._live as live:
                self._follow(live)
        except (KafkaTrouble, RegistryError, Failure) as trouble:
            log.warning("a topic cannot be watched any more", topic=self.topic, why=str(trouble))
            self.trouble = trouble
        except Exception as error:
            trace = traceback.format_exc()  # as text: what a console makes of exc_info shows the values of all locals
            log.error("a topic cannot be watched any more", topic=self.topic, trace=trace)  # noqa: TRY400
            self.trouble = error
        finally:
            with self.lock:
                self.ended = True

    def _follow(self, live: LiveReader) -> None:
        due_s, not_read = time.monotonic() + FRAME_S, 0
        while not self._stop.is_set():
            began_s = time.monotonic()
            records = live.read(_BATCH_RECORDS, max(0.0, due_s - began_s))
            self._offer(records)
            self._stop.wait(max(0.0, began_s + len(records) / READ_PER_S - time.monotonic()))
            if live.behind() > SKIP_BEHIND:
                not_read += live.skip()
            if time.monotonic() >= due_s:
                if not self._tell(not_read):
                    return
                due_s, not_read = time.monotonic() + FRAME_S, 0

    def _offer(self, records: list[Record]) -> None:
        with self.lock:
            channels = list(self.channels.values())
        for channel in channels:
            fitting = [record for record in records if channel.filter.fits(self._reader, record)]
            channel.fresh.extend(fitting)
            channel.came += len(fitting)

    def _tell(self, not_read: int) -> bool:
        """A frame for each channel; False once nobody has listened for a while."""
        with self.lock:
            channels = list(self.channels.values())
        made = [
            (channel, channel.frame(lambda record: self._describe(self._reader, record), not_read))
            for channel in channels
        ]
        now_s = time.monotonic()
        with self.lock:
            for channel, frame in made:
                if frame is not None:
                    channel.frames.append(frame)
                    channel.number = frame.number
                if not channel.listeners and now_s - channel.left_s > LINGER_S:
                    del self.channels[channel.filter]
            self.ended = not self.channels
            return not self.ended
