"""The time of day, as records and the state have it. What the core needs of it is handed in."""

import time


def now_ms() -> int:
    """Milliseconds since 1970, by this machine's clock."""
    return time.time_ns() // 1_000_000
