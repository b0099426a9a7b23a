"""What stands before every request: whose host it names, from where it comes, how large and how frequent it is."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instar.dashboard.problems import MEDIA_TYPE, Problem

MAX_BODY_BYTES = 4 * 1024 * 1024
BODY_WITHIN_S = 30.0  # the whole of it: nobody holds a place by sending a byte now and then
RATE_PER_S = 40.0
BURST = 200.0
_MAX_CALLERS = 10_000
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # no-referrer makes the origin of our own forms "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(slots=True)
class Limiter:
    """A bucket of requests for each address that fills by ``rate_per_s`` up to ``burst``."""

    rate_per_s: float = RATE_PER_S
    burst: float = BURST
    now_s: Callable[[], float] = time.monotonic
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait_s(self, who: str) -> float:
        """0 when the request may pass, else how long until one may."""
        now_s = self.now_s()
        left, at_s = self._buckets.pop(who, (self.burst, now_s))
        left = min(self.burst, left + (now_s - at_s) * self.rate_per_s)
        passes = left >= 1
        self._buckets[who] = (left - 1 if passes else left, now_s)
        while len(self._buckets) > _MAX_CALLERS:  # the one that was not heard of for longest
            del self._buckets[next(iter(self._buckets))]
        return 0.0 if passes else (1 - left) / self.rate_per_s


@dataclass(slots=True)
class Guard:
    """ASGI middleware. ``hosts``: the only names a request may come under; none: any name."""

    app: ASGIApp
    hosts: Sequence[str]
    https: bool = False
    limiter: Limiter = field(default_factory=Limiter)
    max_body_bytes: int = MAX_BODY_BYTES
    refused: Callable[[Scope, Problem], None] = lambda _scope, _problem: None  # told of it, in a thread: it may wait

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                if self.https:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                # What is ours alone is asked for again, and not sent again where it is the same.
                kept = "no-cache" if scope["path"].startswith("/static/") else "no-store"
                headers.setdefault("Cache-Control", kept)
            await send(message)

        problem = self._problem(scope)
        if problem is not None:
            if scope["method"] not in SAFE:
                await asyncio.to_thread(self.refused, scope, problem)
            await _answer(problem, scope, send_guarded)
            return
        body = _Body(receive, self.max_body_bytes, BODY_WITHIN_S)
        try:
            await self.app(scope, body.receive, send_guarded)
        except RefusedBody as refused:
            await _answer(refused.problem, scope, send_guarded)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        name = _name_of(headers.get("host", ""))
        if self.hosts and name not in self.hosts:
            # A page of a foreign name that resolves to this machine (DNS rebinding) has that name in the header.
            detail = "This server is not known under that name."
            return Problem(421, "wrong-host", detail, 'Add it to hosts under [tool.instar.serve], or use "localhost".')
        client = scope.get("client")
        wait_s = self.limiter.wait_s(client[0] if client else "")
        if wait_s:
            seconds = str(math.ceil(wait_s))
            return Problem(429, "too-many-requests", "Too many requests.", headers={"Retry-After": seconds})
        if scope["method"] not in SAFE and is_foreign(headers):
            detail = "The request comes from another site."
            return Problem(403, "cross-site", detail, "Use this server's own pages, or send it from a program.")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self.max_body_bytes:
            return _too_large(self.max_body_bytes)
        return None


def is_foreign(headers: Headers) -> bool:
    """Did a browser send it on behalf of another site? Programs send neither header."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


class RefusedBody(HTTPException):
    """While a body is read. Those who read it pass this kind of error on, and swallow others."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status, problem.detail)
        self.problem = problem


@dataclass(slots=True)
class _Body:
    """Counts what comes, and how long it takes to be there."""

    source: Receive
    limit_bytes: int
    within_s: float
    seen_bytes: int = 0
    is_whole: bool = False
    began_s: float = field(default_factory=time.monotonic)

    async def receive(self) -> Message:
        if self.is_whole:  # what comes now is the end of the connection, some day
            return await self.source()
        try:
            async with asyncio.timeout(self.began_s + self.within_s - time.monotonic()):
                message = await self.source()
        except TimeoutError:
            raise RefusedBody(_too_slow(self.within_s)) from None
        if message["type"] == "http.request":
            self.seen_bytes += len(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
            if self.seen_bytes > self.limit_bytes:
                raise RefusedBody(_too_large(self.limit_bytes))
        return message


def _too_slow(within_s: float) -> Problem:
    detail = f"The request's body did not come within {within_s:g} s."
    return Problem(408, "too-slow", detail, "Send it at once.", headers={"Connection": "close"})


def _too_large(limit_bytes: int) -> Problem:
    return Problem(413, "too-large", f"The request is larger than {limit_bytes:,} bytes.", "Send it in parts.")


def _name_of(host: str) -> str:
    """The name in a Host header, without the port: ``[::1]:8300`` is ``::1``."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


async def _answer(problem: Problem, scope: Scope, send: Send) -> None:
    body = orjson.dumps(problem.document(scope["path"]))
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
