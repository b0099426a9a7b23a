"""Telling a web hook: one signed POST, tried again a few times, never redirected."""

import ssl
import string
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, InvalidURL
from ipaddress import ip_address
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, quote, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from instar.deadline import Overdue, within
from instar.notify.message import Message
from instar.notify.outcome import Told
from instar.notify.signature import signed_headers, signing_key
from instar.notify.targets import Webhook

TIMEOUT_S = 4.0  # for an attempt, however slowly an answer comes
WAITS_S = (0.5, 1.5)  # between the attempts, of which there is one more
_PASSING = frozenset({408, 425, 429})  # and 500 to 599: another attempt may find it better
_HEADER_SAFE = "".join(sorted(set(string.punctuation) - {"%"}))


@dataclass(frozen=True, slots=True)
class _Failure:
    why: str
    passing: bool


def tell_webhook(
    target: Webhook,
    message: Message,
    *,
    now_s: Callable[[], float] = time.time,
    pause: Callable[[float], None] = time.sleep,
) -> Told:
    """Reached at an answer of 2xx. Everything else that can happen is a reason why not."""
    try:
        parts = urlsplit(target.url)
        refused = _refusal(parts, allow_http=target.allow_http)
        whom = f"webhook {parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
    except ValueError:  # its text quotes the URL
        return Told("webhook", "its URL cannot be read; write one of https")
    if refused is not None:
        return Told("webhook", refused)
    try:
        key = signing_key(target.secret)
    except ValueError as error:
        return Told(whom, str(error))
    opener = _opener(parts)
    waits_s = iter(WAITS_S)
    attempt = 1
    while (failure := _attempt(opener, target.url, key, message, int(now_s()))) is not None:
        wait_s = next(waits_s, None)
        if wait_s is None or not failure.passing:
            return Told(whom, failure.why if attempt == 1 else f"{failure.why}, at the last of {attempt} attempts")
        pause(wait_s)
        attempt += 1
    return Told(whom)


def _refusal(parts: SplitResult, *, allow_http: bool) -> str | None:
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "its URL cannot be read; write one of https"
    if parts.username is not None or parts.password is not None:
        return "its URL has a user or a password in it, which is not sent; the signature says who sends"
    if parts.scheme == "http" and not (allow_http or _is_here(parts.hostname)):
        return "its URL is of plain http, which anybody between may read and change; write https, or allow_http = true"
    return None


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Stay(HTTPRedirectHandler):
    """What was signed for one host is not for another, and a POST that is redirected becomes a GET."""

    def redirect_request(
        self,
        req: Request,  # noqa: ARG002 - the signature is urllib's
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,  # noqa: ARG002
        newurl: str,  # noqa: ARG002
    ) -> None:
        return None


def _opener(parts: SplitResult) -> OpenerDirector:
    """Certificates are verified. The environment's proxy is used for https, which it cannot read."""
    proxies: dict[str, str] | None = None if parts.scheme == "https" else {}
    return build_opener(_Stay, ProxyHandler(proxies), HTTPSHandler(context=ssl.create_default_context()))


def _attempt(opener: OpenerDirector, url: str, key: bytes, message: Message, sent_s: int) -> _Failure | None:
    body = message.body()
    message_id = quote(message.id, safe=_HEADER_SAFE)  # a header has no letters beyond ASCII
    headers = {
        "content-type": "application/json",
        "user-agent": "instar",
        **signed_headers(key, message_id, sent_s, body),
    }
    try:
        request = Request(url, body, headers, method="POST")  # noqa: S310 - http or https, see _refusal
        within(TIMEOUT_S, lambda: opener.open(request, timeout=TIMEOUT_S).close())
    except Overdue:
        return _late()
    except HTTPError as answer:
        answer.close()
        if 300 <= answer.code < 400:
            return _Failure(
                f"it answered {answer.code}, a redirect, which is not followed; write where it leads", False
            )
        return _Failure(f"it answered {answer.code}", answer.code in _PASSING or answer.code >= 500)
    except InvalidURL:
        return _Failure("its URL has characters that no URL has", passing=False)
    except HTTPException as error:
        return _Failure(f"what it answered is not HTTP ({type(error).__name__})", passing=True)
    except URLError as error:
        return _of_network(error.reason)
    except OSError as error:
        return _of_network(error)
    except ValueError:
        return _Failure("its URL has characters that no URL has", passing=False)
    return None


def _of_network(error: object) -> _Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _Failure(f"its certificate is not trusted: {error.verify_message}", passing=False)
    if isinstance(error, TimeoutError):
        return _late()
    said = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return _Failure(f"it cannot be reached: {said}", passing=True)


def _late() -> _Failure:
    return _Failure(f"no answer within {TIMEOUT_S:g} s", passing=True)
