"""What forms carry, written differently on every page.

Pages are compressed, and parts of them repeat what was asked for: by the length of the answers to many guesses an
onlooker could find a secret that stands there unchanged (BREACH, CVE-2013-3587). A new pad for each page leaves nothing
to compare.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode


def padded(secret: str) -> str:
    """The secret under a new pad, as a form carries it."""
    plain = secret.encode()
    pad = secrets.token_bytes(len(plain))
    return urlsafe_b64encode(pad + _mixed(pad, plain)).decode()


def unpadded(sent: str) -> bytes:
    """The secret that a form carried; something else where it is none of ours."""
    try:
        both = urlsafe_b64decode(sent.encode("ascii"))
    except ValueError:
        return b""
    half = len(both) // 2
    return _mixed(both[:half], both[half:])


def _mixed(pad: bytes, text: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(pad, text, strict=False))
