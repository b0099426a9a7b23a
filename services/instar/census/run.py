"""One instance of the census, from its start until it is told to stop."""

import asyncio
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from instar.census.ports import ResultStore
from instar.census.topics import KEEP_RESULTS_MS, CensusTopics
from instar.census.transport import transport
from instar.core.census_result import WINDOW_MS
from instar.kafka.errors import KafkaTrouble
from instar.state.errors import StateTrouble

_LOOK_EVERY_S = 0.5


def run(
    kafka: Mapping[str, Any],
    topics: CensusTopics,
    partitions: int,
    stop: threading.Event,
    window_ms: int = WINDOW_MS,
    store: ResultStore | None = None,
    forget_after_ms: int = KEEP_RESULTS_MS,
) -> Any:
    """Count until ``stop`` is set; the instance's tally. Start as many as are wanted, on any machines.

    With a ``store`` the results of all instances are brought there too, by the instances that have it, and forgotten
    there once they were not heard of for ``forget_after_ms``.

    Raises ``KafkaTrouble`` where Faust is not installed, and for whatever ends the instance before its time.
    """
    try:
        from instar.census.application import Tally, application
    except ImportError as missing:
        raise KafkaTrouble(
            f"The census needs Faust, which is not installed ({missing.name}).", "pip install 'instar[census]'"
        ) from missing

    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="instar-census-") as folder:
        app = application(transport(kafka), topics, partitions, Path(folder), tally, window_ms, store, forget_after_ms)
        asyncio.run(_until_stopped(app, stop))
    return tally


async def _until_stopped(app: Any, stop: threading.Event) -> None:
    try:
        await app.start()
        while not (app.crashed or app.should_stop or await asyncio.to_thread(stop.wait, _LOOK_EVERY_S)):
            pass
        reason = app.crash_reason
    finally:
        await app.stop()
    if reason is not None:
        if isinstance(reason, KafkaTrouble | StateTrouble):
            raise reason
        raise KafkaTrouble(
            f"The census has stopped: {type(reason).__name__}: {reason}.",
            "Nothing is lost: start it again when that is mended, and it goes on where it stood.",
        ) from reason
