"""What this server does for the state store in the background: look whether it is back, and forget what is over."""

import asyncio
import traceback
from contextlib import suppress

import structlog

from instar.dashboard.site import Site
from instar.state.errors import StateTrouble

log = structlog.get_logger(__name__)

EVERY_S = 5.0
PRUNE_EVERY = 12  # turns: once in a minute
PRUNED = 1_000  # rows of a table at once


async def tend(site: Site, stop: asyncio.Event) -> None:
    """Until ``stop``."""
    turn = 0
    while not stop.is_set():
        try:
            await asyncio.to_thread(tend_once, site, prune=turn % PRUNE_EVERY == 0)
        except Exception:  # a turn that fails must not end the turns; the log has why
            log.error("the state store could not be tended", trace=traceback.format_exc())  # noqa: TRY400
        turn += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_S)


def tend_once(site: Site, *, prune: bool = False) -> None:
    """Try a store that is away again, write down what waits for it, and forget a bounded part of what is over."""
    if site.store is None:
        return
    try:
        with site.store.asked(again=True) as state:
            state.sessions.find("")  # any question will do
        site.audit.flush()
        if prune:
            site.door.sessions.prune(PRUNED)
            site.once.prune(PRUNED)
    except StateTrouble:
        return  # the store has told the log why
