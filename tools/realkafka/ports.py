"""Ports on the loopback interface."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below 32768, where Linux begins to hand out ports for outgoing connections. A client that keeps trying to reach a
# stopped broker on a port of that range can, on loopback, connect to itself and so occupy the broker's own port.
FIRST_PORT = 20_000
LAST_PORT = 31_999
ATTEMPTS = 200


def free_port(*taken: int) -> int:
    """A TCP port between 20000 and 31999, none of `taken`, on which nothing listens at this moment.

    Raises:
        OSError: 200 ports in a row were taken.
    """
    for _ in range(ATTEMPTS):
        port = random.randint(FIRST_PORT, LAST_PORT)
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port between {FIRST_PORT} and {LAST_PORT} on {LOOPBACK} in {ATTEMPTS} attempts")


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_open(port: int) -> bool:
    """Whether something accepts connections on `port` now."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0
