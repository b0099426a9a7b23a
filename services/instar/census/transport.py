"""librdkafka's settings, as the client that Faust uses (aiokafka) takes them.

Only what reaches the broker and proves who we are is translated; what tunes librdkafka means nothing here. A setting of
security that has no counterpart is refused by name: to leave it out could connect in a way that nobody asked for.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from instar.kafka.errors import KafkaTrouble, Refused

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_SECURITY = ("security.", "sasl.", "ssl.", "enable.ssl.")
_KNOWN = frozenset(
    {
        "security.protocol",
        "sasl.mechanism",
        "sasl.mechanisms",
        "sasl.username",
        "sasl.password",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.key.location",
        "ssl.key.password",
        "ssl.endpoint.identification.algorithm",
        "enable.ssl.certificate.verification",
    }
)


@dataclass(frozen=True, slots=True)
class Transport:
    """``brokers`` are host:port, separated by commas. The password is never shown."""

    brokers: str
    protocol: Protocol = "PLAINTEXT"
    mechanism: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None


def transport(kafka: Mapping[str, Any]) -> Transport:
    """Raises ``Refused`` for a setting without a counterpart, ``KafkaTrouble`` for a file that cannot be used."""
    unknown = sorted(name for name in kafka if name.startswith(_SECURITY) and name not in _KNOWN)
    if unknown:
        raise Refused(
            f"The census cannot connect with {', '.join(unknown)}: Faust's client has nothing like it.",
            f"Give it an environment of its own, with any of {', '.join(sorted(_KNOWN))}.",
        )
    protocol = str(kafka.get("security.protocol", "PLAINTEXT")).upper()
    if protocol not in _PROTOCOLS:
        raise Refused(f"security.protocol {protocol} is none.", f"It is one of {', '.join(_PROTOCOLS)}.")
    brokers = str(kafka["bootstrap.servers"])
    tls = _tls(kafka) if protocol.endswith("SSL") else None
    if not protocol.startswith("SASL"):
        return Transport(brokers, cast(Protocol, protocol), tls=tls)
    mechanism = str(kafka.get("sasl.mechanism", kafka.get("sasl.mechanisms", "GSSAPI"))).upper()
    if mechanism not in _MECHANISMS:
        raise Refused(
            f"The census cannot log in with sasl.mechanism {mechanism}.", f"It can with {', '.join(_MECHANISMS)}."
        )
    return Transport(
        brokers,
        cast(Protocol, protocol),
        mechanism,
        str(kafka.get("sasl.username", "")),
        str(kafka.get("sasl.password", "")),
        tls,
    )


def _tls(kafka: Mapping[str, Any]) -> ssl.SSLContext:
    authority, certificate = kafka.get("ssl.ca.location"), kafka.get("ssl.certificate.location")
    try:
        context = ssl.create_default_context(cafile=None if authority in (None, "probe") else str(authority))
        if certificate is not None:
            context.load_cert_chain(str(certificate), kafka.get("ssl.key.location"), kafka.get("ssl.key.password"))
    except OSError as error:  # ssl.SSLError is one
        raise KafkaTrouble(
            f"The certificates of the Kafka settings cannot be used: {error.strerror or error}.",
            "Check ssl.ca.location, ssl.certificate.location, ssl.key.location and ssl.key.password.",
        ) from error
    if str(kafka.get("ssl.endpoint.identification.algorithm", "https")).lower() == "none":
        context.check_hostname = False
    if str(kafka.get("enable.ssl.certificate.verification", "true")).lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
