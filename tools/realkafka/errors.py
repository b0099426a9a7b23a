"""What can go wrong while a real server is fetched or started."""


class Unavailable(Exception):
    """A real server cannot run on this machine; the message says what is missing and how to get it."""


class FetchFailed(Exception):
    """Maven was there and did not deliver; the message ends with Maven's own last words."""


class ServerFailed(Exception):
    """A server did not start, or ended by itself; the message ends with the tail of its log."""
