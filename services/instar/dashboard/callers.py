"""Who asks: tokens, browsers' sessions and roles.

A program sends its token with every request. A person gives it once, and the browser keeps a cookie that names a
session (``sessions.py``). Only the cookie's hash is stored. What forms carry is derived from the cookie, so that
nothing of it is stored at all and any server that knows the session knows its forms. Where no token is configured the
server listens on loopback only, and whoever is on this machine is the operator.
"""

import getpass
import hmac
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256

from starlette.requests import HTTPConnection

from instar.dashboard.form_token import unpadded
from instar.dashboard.problems import Problem
from instar.dashboard.sessions import MemorySessions, SessionStore
from instar.project.serving import Token
from instar.state.sessions import SESSION_MS, Session

COOKIE = "instar_session"
SESSION_S = SESSION_MS // 1000
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


@dataclass(slots=True)
class Door:
    """Lets callers in. ``tokens`` are the configured ones; none: everybody on this machine is the operator."""

    tokens: Sequence[Token]
    sessions: SessionStore = field(default_factory=MemorySessions)
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
            return Caller(found.name, Role[found.role.upper()], "", by_cookie=False)
        cookie = connection.cookies.get(COOKIE)
        return None if not cookie else self._of_session(cookie)

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
        cookie = secrets.token_urlsafe(32)
        self.sessions.begin(_name(cookie), Session(found.name, found.role, fingerprint(found)))
        return cookie

    def sign_out(self, cookie: str) -> None:
        self.sessions.end(_name(cookie))

    def _of_session(self, cookie: str) -> Caller | None:
        """A session whose token was taken away, or given to another name or role, is over."""
        session = self.sessions.find(_name(cookie))
        found = next((each for each in self.tokens if session and session.token == fingerprint(each)), None)
        return None if found is None else Caller(found.name, Role[found.role.upper()], _csrf(cookie), by_cookie=True)

    def _of_token(self, token: str) -> Token | None:
        digest = sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        found: Token | None = None
        for each in self.tokens:  # all of them, so that the time says nothing
            if hmac.compare_digest(each.sha256, digest):
                found = each
        return found


def fingerprint(token: Token) -> str:
    """Changes with the token and with whose and for what it is."""
    return sha256("\0".join((token.name, token.role, token.sha256)).encode()).hexdigest()


def _name(cookie: str) -> str:
    """Under which a session is stored."""
    return sha256(cookie.encode("utf-8", "surrogateescape")).hexdigest()


def _csrf(cookie: str) -> str:
    """What forms of a session carry. Whoever sees it does not get the cookie from it."""
    return hmac.new(cookie.encode("utf-8", "surrogateescape"), b"instar form 1", sha256).hexdigest()


def _user() -> str:
    """Whose process this is, as the commands name who asks."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):  # a container's user may have no name
        return "this machine"


def check_csrf(caller: Caller, sent: str) -> None:
    """A form must carry what the page that made it was given. Raises ``Problem``."""
    if caller.by_cookie and not hmac.compare_digest(caller.csrf.encode(), unpadded(sent)):
        raise Problem(403, "stale-form", "The form was not made by this session.", "Load the page again and repeat it.")
