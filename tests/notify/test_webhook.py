"""The signed web hook, against a real server."""

import base64
import contextlib
import hashlib
import hmac
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.support.hooks import Receiver, receiver

from instar.notify import webhook as module
from instar.notify.message import Message
from instar.notify.outcome import Told
from instar.notify.signature import signed_headers, signing_key
from instar.notify.targets import Webhook
from instar.notify.webhook import tell_webhook

SECRET = "a secret of thirty-two characters"  # noqa: S105
MESSAGE = Message("orders-v3/switch/1750000000000/4", "orders-v3", "prod", "switched", "it is done", 1_750_000_000_000)


def tell(url: str, secret: str = SECRET, message: Message = MESSAGE, *, allow_http: bool = False) -> Told:
    waited: list[float] = []
    told = tell_webhook(Webhook(url, secret, allow_http), message, now_s=lambda: 1_750_000_001.9, pause=waited.append)
    assert waited == list(module.WAITS_S[: len(waited)])
    assert SECRET not in told.whom + told.why_not
    assert "/T0/B1" not in told.whom + told.why_not
    return told


def hook(kept: Receiver) -> str:
    return f"{kept.url}/T0/B1?x=1"


def test_a_message_arrives_whole_and_signed() -> None:
    with receiver() as kept:
        assert tell(hook(kept)) == Told(f"webhook {kept.url}")
    (got,) = kept.received
    assert got.path == "/T0/B1?x=1"
    assert orjson.loads(got.body) == {
        "id": "orders-v3/switch/1750000000000/4",
        "migration": "orders-v3",
        "environment": "prod",
        "subject": "switched",
        "text": "it is done",
        "at_ms": 1_750_000_000_000,
    }
    signed = b"orders-v3/switch/1750000000000/4.1750000001." + got.body
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-id"] == "orders-v3/switch/1750000000000/4"
    assert got.headers["webhook-timestamp"] == "1750000001"
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert got.headers["content-type"] == "application/json"


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the Standard Webhooks specification's own libraries."""
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_message_that_is_sent_again_has_its_id_again() -> None:
    with receiver() as kept:
        tell(hook(kept))
        tell(hook(kept))
        tell(hook(kept), message=Message("bestellungen-ü 3", "m", "e", "s", "t", 1))
    first, second, other = (got.headers["webhook-id"] for got in kept.received)
    assert first == second == MESSAGE.id
    assert other == "bestellungen-%C3%BC%203"


@pytest.mark.parametrize("passing", [500, 503, 429, 408, 0])
def test_what_may_pass_is_tried_again(passing: int) -> None:
    with receiver() as kept:
        kept.answers = [passing, passing, 200]
        assert tell(hook(kept)).why_not == ""
    assert len({got.headers["webhook-id"] for got in kept.received}) == 1
    assert len(kept.received) == 3


def test_it_is_not_tried_for_ever() -> None:
    with receiver() as kept:
        kept.answers = [503]
        assert tell(hook(kept)).why_not == "it answered 503, at the last of 3 attempts"
    assert len(kept.received) == 3


@pytest.mark.parametrize("final", [400, 401, 404, 410])
def test_what_will_not_pass_is_not_tried_again(final: int) -> None:
    with receiver() as kept:
        kept.answers = [final]
        assert tell(hook(kept)).why_not == f"it answered {final}"
    assert len(kept.received) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with receiver() as other, receiver() as kept:
        kept.answers, kept.location = [status], f"{other.url}/elsewhere"
        assert f"it answered {status}, a redirect" in tell(hook(kept)).why_not
    assert len(kept.received) == 1
    assert other.received == []


def test_nobody_there_is_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = tell(f"http://127.0.0.1:{port}/T0/B1")
    assert told == Told(
        f"webhook http://127.0.0.1:{port}",
        "it cannot be reached: Connection refused, at the last of 3 attempts",
    )


def test_one_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "no answer within 0.1 s" in tell(f"http://127.0.0.1:{silent.getsockname()[1]}/T0/B1").why_not


def test_an_answer_that_comes_a_byte_at_a_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.5)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            with contextlib.suppress(OSError):
                while not ended.is_set():
                    connection, _ = server.accept()
                    threading.Thread(target=trickle, args=(connection,), daemon=True).start()

        def trickle(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 204 No Content\r\nx-slow: ")
                while not ended.wait(0.02):
                    connection.sendall(b"x")

        threading.Thread(target=drip, daemon=True).start()
        told = tell(f"http://127.0.0.1:{server.getsockname()[1]}/T0/B1")
        ended.set()
    assert told.why_not == "no answer within 0.5 s, at the last of 3 attempts"


def test_an_answer_that_is_not_http_is_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            for _ in range(3):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"SSH-2.0-not-http\r\n\r\n")

        thread = threading.Thread(target=babble, daemon=True)
        thread.start()
        told = tell(f"http://127.0.0.1:{server.getsockname()[1]}/T0/B1")
        thread.join(60)
    assert "is not HTTP (BadStatusLine)" in told.why_not


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example/T0/B1", "allow_http = true"),
        ("http://127.0.0.1.hooks.example/T0/B1", "allow_http = true"),
        ("https://ana:pw@hooks.example/T0/B1", "a user or a password"),
        ("ftp://hooks.example/T0/B1", "write one of https"),
        ("file:///T0/B1", "write one of https"),
        ("/T0/B1", "write one of https"),
        ("https://hooks.example:port/T0/B1", "write one of https"),
        ("https://[T0/B1", "write one of https"),
        ("http://127.0.0.1:1/T0/B1 and more", "characters that no URL has"),
        ("http://127.0.0.1:1/T0/B1ü", "characters that no URL has"),
        ("http://127.0.0.1:1/T0/B1\r\nhost: other", ""),
    ],
)
def test_a_url_that_will_not_do_is_said_without_showing_it(url: str, why: str) -> None:
    told = tell(url)
    assert told.why_not
    assert why in told.why_not


@pytest.mark.parametrize(("secret", "why"), [("", "empty"), ("whsec_", "empty"), ("whsec_!!", "not base64")])
def test_a_secret_that_will_not_do_is_a_reason(secret: str, why: str) -> None:
    assert why in tell("http://127.0.0.1:1/T0/B1", secret).why_not


def test_plain_http_to_this_machine_does_not_go_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy, receiver() as kept:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert tell(hook(kept)).why_not == ""
    assert proxy.received == []


def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("no_proxy", "*")
    with receiver(context) as kept:
        refused = tell(hook(kept))
        assert refused.why_not.startswith("its certificate is not trusted: ")
        assert kept.received == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert tell(hook(kept)) == Told(f"webhook {kept.url}")
    assert len(kept.received) == 1


def _certificate(folder: Path) -> Path:
    """Of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "hook.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(certificate.public_bytes(pem) + private)
    return file
