"""librdkafka's settings, as the client that Faust uses takes them."""

import ssl
from pathlib import Path

import pytest

from instar.census.transport import transport
from instar.kafka.errors import KafkaTrouble, Refused

KAFKA = {"bootstrap.servers": "one:9092, two:9092"}


def test_what_tunes_librdkafka_means_nothing_here() -> None:
    found = transport({**KAFKA, "session.timeout.ms": 6000, "linger.ms": 5})

    assert (found.brokers, found.protocol, found.tls) == ("one:9092, two:9092", "PLAINTEXT", None)


@pytest.mark.parametrize("name", ["sasl.mechanism", "sasl.mechanisms"])
def test_a_login_is_taken_over_and_its_password_never_shown(name: str) -> None:
    settings = {"security.protocol": "sasl_ssl", name: "SCRAM-SHA-512", "sasl.username": "u", "sasl.password": "secret"}

    found = transport({**KAFKA, **settings})

    assert (found.protocol, found.mechanism, found.username) == ("SASL_SSL", "SCRAM-SHA-512", "u")
    assert found.password == "secret"  # noqa: S105
    assert "secret" not in repr(found)
    assert found.tls is not None
    assert (found.tls.verify_mode, found.tls.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_certificates_are_checked_unless_the_settings_say_otherwise() -> None:
    names = transport({**KAFKA, "security.protocol": "SSL", "ssl.endpoint.identification.algorithm": "none"}).tls
    nothing = transport({**KAFKA, "security.protocol": "SSL", "enable.ssl.certificate.verification": "false"}).tls

    assert names is not None
    assert nothing is not None
    assert (names.verify_mode, names.check_hostname) == (ssl.CERT_REQUIRED, False)
    assert (nothing.verify_mode, nothing.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"sasl.oauthbearer.config": "x"}, "sasl.oauthbearer.config"),
        ({"ssl.keystore.location": "x"}, "ssl.keystore.location"),
        ({"security.protocol": "TLS"}, "TLS"),
        ({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "GSSAPI"}, "GSSAPI"),
    ],
)
def test_a_security_setting_without_a_counterpart_is_refused_by_name(settings: dict[str, str], named: str) -> None:
    with pytest.raises(Refused, match=named):
        transport({**KAFKA, **settings})


def test_a_certificate_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KafkaTrouble, match="certificates"):
        transport({**KAFKA, "security.protocol": "SSL", "ssl.ca.location": str(tmp_path / "none.pem")})
