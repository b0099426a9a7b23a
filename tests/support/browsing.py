"""A site for a browser: on a port of its own, in a thread."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn

from instar.dashboard.app import make_app
from instar.dashboard.site import Site

STARTED_WITHIN_S = 60


def chromium() -> str:
    """The browser's path; skips where there is none."""
    found = os.environ.get("INSTAR_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("no Chromium here: apt-get install chromium, or INSTAR_TEST_CHROMIUM=PATH")
    return found


@contextmanager
def served_at(site: Site) -> Iterator[str]:
    """The address, for the time of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(make_app(site), log_level="error", timeout_graceful_shutdown=1, access_log=False)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline_s = time.monotonic() + STARTED_WITHIN_S
    while not server.started:
        assert time.monotonic() < deadline_s, "the server did not start"
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STARTED_WITHIN_S)
