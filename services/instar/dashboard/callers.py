"""Who asks: tokens, browsers' sessions and roles.

A program sends its token with every request. A person gives it once, and the browser keeps a cookie that names a
session in this process's memory: a restart asks again. Where no token is configured the server listens on loopback
only, and whoever is on this machine is the operator.
"""

import getpass
import hmac
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256

from starlette.requests import HTTPConnection

from instar.dashboard.problems import Problem
from instar.project.serving import Token

COOKIE = "instar_session"
SESSION_S = 12 * 3600
_MAX_SESSIONS = 1_000
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="instar"'}


class Role(IntEnum):
    """What somebody may do: each may do what those before it may."""

    VIEWER = 1
    OPERATOR = 2
    APPROVER = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose name is known. ``csrf`` is what forms of theirs carry.

    ``by_cookie``: a browser sends what makes them known unasked, so that a form alone proves nothing.
    """

    name: str
    role: Role
    csrf: str
    by_cookie: bool

    def may(self, role: Role) -> bool:
        return self.role >= role


@dataclass(frozen=True, slots=True)
class _Session:
    caller: Caller
    ends_s: float


@dataclass(slots=True)
class Door:
    """Lets callers in. ``tokens`` are the configured ones; none: everybody on this machine is the operator."""

    tokens: Sequence[Token]
    now_s: Callable[[], float] = time.monotonic
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _local: Caller = field(
        default_factory=lambda: Caller(_user(), Role.OPERATOR, secrets.token_urlsafe(32), by_cookie=True)
    )

    @property
    def open(self) -> bool:
        return not self.tokens

    def caller(self, connection: HTTPConnection) -> Caller | None:
        """Who sent a request; None where nobody is known. Raises ``Problem`` for credentials that are wrong."""
        if self.open:
            return self._local
        header = connection.headers.get("authorization")
        if header is not None:
            kind, _, token = header.partition(" ")
            found = self._of_token(token.strip()) if kind.lower() == "bearer" else None
            if found is None:
                raise Problem(401, "unknown-token", "The token is not known here.", headers=_CHALLENGE)
            return found
        session = self._sessions.get(connection.cookies.get(COOKIE, ""))
        return session.caller if session is not None and session.ends_s > self.now_s() else None

    def require(self, connection: HTTPConnection, role: Role) -> Caller:
        """Raises ``Problem`` 401 where nobody is known and 403 where they may not."""
        caller = self.caller(connection)
        if caller is None:
            detail = "This needs a token."
            raise Problem(401, "no-token", detail, "Send it: Authorization: Bearer TOKEN.", headers=_CHALLENGE)
        if not caller.may(role):
            detail = f"{caller.name} is {caller.role.name.lower()}, and this needs {role.name.lower()}."
            raise Problem(403, "role", detail, "Ask somebody who has that role.")
        return caller

    def sign_in(self, token: str) -> str | None:
        """A new session's cookie; None for an unknown token."""
        found = self._of_token(token.strip())
        if found is None:
            return None
        now_s = self.now_s()
        for key in [key for key, session in self._sessions.items() if session.ends_s <= now_s]:
            del self._sessions[key]
        while len(self._sessions) >= _MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        key = secrets.token_urlsafe(32)
        caller = Caller(found.name, found.role, secrets.token_urlsafe(32), by_cookie=True)
        self._sessions[key] = _Session(caller, now_s + SESSION_S)
        return key

    def sign_out(self, cookie: str) -> None:
        self._sessions.pop(cookie, None)

    def _of_token(self, token: str) -> Caller | None:
        digest = sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        found: Token | None = None
        for each in self.tokens:  # all of them, so that the time says nothing
            if hmac.compare_digest(each.sha256, digest):
                found = each
        return None if found is None else Caller(found.name, Role[found.role.upper()], "", by_cookie=False)


def _user() -> str:
    """Whose process this is, as the commands name who asks."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):  # a container's user may have no name
        return "this machine"


def check_csrf(caller: Caller, sent: str) -> None:
    """A form must carry what the page that made it was given. Raises ``Problem``."""
    if caller.by_cookie and not hmac.compare_digest(caller.csrf.encode(), sent.encode("utf-8", "replace")):
        raise Problem(403, "stale-form", "The form was not made by this session.", "Load the page again and repeat it.")
