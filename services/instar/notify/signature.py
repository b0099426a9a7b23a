"""How a message is signed: Standard Webhooks, version 1 (github.com/standard-webhooks, spec/standard-webhooks.md).

The same three headers and the same bytes, so that any of its libraries verifies what instar sends.
"""

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"  # what follows is base64; a secret without it is taken as it is


def signing_key(secret: str) -> bytes:
    """Raises ValueError, whose text does not hold the secret."""
    if not secret.startswith(_PREFIX):
        key = secret.encode()
    else:
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"the secret begins with {_PREFIX}, and what follows is not base64") from None
    if not key:
        raise ValueError("the secret is empty")
    return key


def signed_headers(key: bytes, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """HMAC-SHA256 over ``id.timestamp.body``, in base64. ``timestamp_s`` is when it is sent, not what it tells of."""
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{signature}",
    }
