"""The Faust application: it keeps the tables, Faust spreads them over the instances and brings them back.

All that is decided is in ``core.census_result``. Faust's part is at least once: after a crash the summaries since the
last commit are read again, and a table may hold what they came to already. A result knows the offset that it counts up
to, so they count once. Each summary is acknowledged only after its table and its result are on their way, and Faust
commits only after both have arrived.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import faust
import structlog
from faust.auth import SASLCredentials, SSLCredentials

from instar.census.ports import ResultStore
from instar.census.topics import KEEP_RESULTS_MS, KEEP_WINDOWS_MS, CensusTopics
from instar.census.transport import Transport
from instar.core.census_message import CensusMessage, parse
from instar.core.census_result import WINDOW_MS, Client, Result, counted, parse_result, started
from instar.core.rejected import Rejected
from instar.kafka.errors import KafkaTrouble
from instar.state.errors import Busy, Unreachable

log = structlog.get_logger(__name__)

# Faust forgets a window a little later than it takes a summary for it: a window that was forgotten would begin again.
_EXPIRES_S = KEEP_WINDOWS_MS / 1000 + 3600
_SESSION_TIMEOUT_S = 10.0  # how long a dead instance keeps its partitions
_HEARTBEAT_S = 2.0
_COMMIT_EVERY_S = 1.0
_CLEAN_EVERY_S = 300.0
_SAY_EVERY_S = 60.0
_KEEP_RECORDS = 500  # at once in the state store
_KEEP_WITHIN_S = 1.0
_KEEP_AGAIN_S = 2.0
_PRUNE_EVERY_S = 3600.0


@dataclass(slots=True)
class Tally:
    """What an instance has done since it started."""

    counted: int = 0
    repeated: int = 0  # read again, and counted before
    late: int = 0
    unusable: int = 0


def application(
    transport: Transport,
    topics: CensusTopics,
    partitions: int,
    data_dir: Path,
    tally: Tally,
    window_ms: int = WINDOW_MS,
    store: ResultStore | None = None,
    forget_after_ms: int = KEEP_RESULTS_MS,
) -> Any:
    """A ``faust.App``, ready to be started. Its topics exist. ``data_dir`` is for files that Faust wants to write.

    What the ``store`` holds is forgotten once it was not heard of for ``forget_after_ms``.
    """
    app = faust.App(
        topics.group,
        broker=[f"kafka://{each.strip()}" for each in transport.brokers.split(",")],
        broker_credentials=_credentials(transport),
        broker_session_timeout=_SESSION_TIMEOUT_S,
        broker_heartbeat_interval=_HEARTBEAT_S,
        broker_commit_interval=_COMMIT_EVERY_S,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        processing_guarantee="at_least_once",
        store="memory://",
        datadir=str(data_dir),
        topic_partitions=partitions,
        topic_allow_declare=False,  # made by us, with settings of their own
        topic_disable_leader=True,
        table_standby_replicas=0,  # nothing to gain: a table in memory comes back from the changelog's beginning
        table_cleanup_interval=_CLEAN_EVERY_S,
        web_enabled=False,
    )
    source = app.topic(topics.summaries, key_serializer="raw", value_serializer="raw")
    results: Any = app.topic(topics.results, key_serializer="raw", value_serializer="raw")
    windows: Any = app.Table("mix", default=bytes, value_type=bytes, partitions=partitions).tumbling(
        window_ms / 1000, expires=_EXPIRES_S
    )
    clients: Any = app.Table("clients", default=bytes, value_type=bytes, partitions=partitions)
    complain = _now_and_then()

    async def count(stream: Any) -> None:
        try:
            async for event in cast(AsyncIterator[Any], stream.noack().events()):
                where = event.message
                message = parse(event.value or b"")
                if isinstance(message, Rejected):
                    tally.unusable += 1
                    complain("a summary cannot be used", offset=where.offset, reason=message.message)
                elif _is_late(message):
                    tally.late += 1
                    complain("a summary came too late", offset=where.offset, topic=message.topic)
                else:
                    blank = started(message, where.partition, window_ms)
                    key = blank.key.decode()
                    if isinstance(blank, Client):
                        table, known = clients, clients[key]
                    else:
                        table = windows.relative_to(blank.window_start_ms / 1000)
                        known = table[key].value()
                    before = _state(known, blank)
                    after = counted(before, message, where.offset)
                    if after is before:
                        tally.repeated += 1
                    else:
                        tally.counted += 1
                        table[key] = after.encode()
                    # Also when nothing changed: the crash may have come between the table and the result.
                    await results.send(key=after.key, value=after.encode(), partition=where.partition)
                await stream.ack(event)
        except Exception as error:
            # An agent that dies is started again by Faust, behind the summary that killed it.
            await app.crash(error)
            raise

    app.agent(source, name="census")(count)

    kept = {topics.summaries}
    if store is not None:
        keeping = store
        kept.add(topics.results)

        async def keep(stream: Any) -> None:
            try:
                async for values in stream.take(_KEEP_RECORDS, within=_KEEP_WITHIN_S):
                    await _keep(keeping, values, app, complain)
            except Exception as error:
                await app.crash(error)
                raise

        app.agent(results, name="keeping")(keep)

        @app.task()  # type: ignore[untyped-decorator,unused-ignore]
        async def prune() -> None:
            while not app.should_stop:
                await _prune(keeping, forget_after_ms, complain)
                await app.sleep(_PRUNE_EVERY_S)

    async def hold(*_: Any, **__: Any) -> None:
        """Let nothing flow between the end of a recovery and the seek that follows it.

        Faust 0.15 takes up its partitions, then seeks to the committed offsets, then empties its queues and goes on.
        What it has read by then is gone, and while nothing newer comes nobody reads it again. It also leaves a
        partition where it stands when nothing of it is committed, which is past what was dropped.
        """
        app.flow_control.suspend()
        app.consumer.stop_flow()
        owned = [tp for tp in app.consumer.assignment() if tp.topic in kept]
        if owned:
            await app.consumer.seek_wait(await app.consumer.earliest_offsets(*owned))

    app.on_rebalance_complete.connect(hold)

    @app.timer(interval=_CLEAN_EVERY_S)  # type: ignore[untyped-decorator,unused-ignore]
    async def forget() -> None:
        """What came back from a changelog Faust never forgets by itself."""
        now_s = time.time()
        for key in [each for each in windows.table.data if each[1][1] < now_s - _EXPIRES_S]:
            windows.table.data.pop(key, None)
        old_ms = now_s * 1000 - KEEP_RESULTS_MS
        for key, value in list(clients.data.items()):
            client = parse_result(value)
            if isinstance(client, Client) and client.last_ms < old_ms:
                clients.data.pop(key, None)

    return app


async def _keep(store: ResultStore, values: Iterable[bytes], app: Any, complain: Callable[..., None]) -> None:
    """Bring results to the store until it takes them, or the instance is stopped."""
    parsed = [parse_result(value or b"") for value in values]
    found = [each for each in parsed if not isinstance(each, Rejected)]
    while not app.should_stop:
        try:
            await asyncio.to_thread(store.keep, found)
        except (Busy, Unreachable) as reason:
            complain("the state store takes nothing", reason=str(reason))
            await asyncio.sleep(_KEEP_AGAIN_S)
        else:
            return


async def _prune(store: ResultStore, forget_after_ms: int, complain: Callable[..., None]) -> None:
    """A store that is away is asked again the next time: what is old waits."""
    try:
        await asyncio.to_thread(store.prune, time.time_ns() // 1_000_000 - forget_after_ms)
    except (Busy, Unreachable) as reason:
        complain("the state store forgets nothing", reason=str(reason))


def _state(known: bytes, blank: Result) -> Result:
    if not known:
        return blank
    state = parse_result(known)
    if isinstance(state, Rejected):
        raise KafkaTrouble(
            f"A table of the census holds what cannot be read: {state.message}",
            "A newer instar wrote it: run that one, or delete the changelogs and let it be counted again.",
        )
    return state


def _is_late(message: CensusMessage) -> bool:
    return message.kind == "mix" and message.window_start_ms < time.time() * 1000 - KEEP_WINDOWS_MS


def _credentials(transport: Transport) -> Any:
    if transport.protocol.startswith("SASL"):
        return SASLCredentials(
            username=transport.username,
            password=transport.password,
            mechanism=transport.mechanism,
            ssl_context=transport.tls,
        )
    return SSLCredentials(context=transport.tls) if transport.tls is not None else None


def _now_and_then() -> Callable[..., None]:
    """A log that says each kind of thing at most once a minute."""
    said_s: dict[str, float] = {}

    def say(what: str, **details: Any) -> None:
        now_s = time.monotonic()
        if now_s - said_s.get(what, -_SAY_EVERY_S) >= _SAY_EVERY_S:
            said_s[what] = now_s
            log.warning(what, **details)

    return say
