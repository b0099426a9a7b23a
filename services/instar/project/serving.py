"""Who may use `instar serve`: the tokens, as hashes, and under which names it is reached."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from instar.project.model import Names, Strict, wrong

Role = Literal["viewer", "operator", "approver"]

_HASH = re.compile(r"[0-9a-f]{64}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}\Z")


def _hash(value: str) -> str:
    if not _HASH.match(value):
        raise wrong(
            "this is not the SHA-256 of a token: 64 of the digits 0-9 and a-f", "`instar serve --new-token` writes one"
        )
    return value


def _name(value: str) -> str:
    if not _NAME.match(value):
        raise wrong("a token's name has 1 to 63 of the characters A-Z a-z 0-9 . _ @ -", 'write name = "ada"')
    return value


class Token(Strict):
    """A person or a program that may ask. Only the token's SHA-256 is kept: 32 random bytes need no slow hash."""

    name: Annotated[str, AfterValidator(_name)]
    role: Role
    sha256: Annotated[str, AfterValidator(_hash)]


def _distinct(tokens: Sequence[Token]) -> Sequence[Token]:
    for kind, values in (("name", [t.name for t in tokens]), ("token", [t.sha256 for t in tokens])):
        if len(set(values)) != len(values):
            raise wrong(f"a {kind} stands twice, and who did something must be one", "give each its own")
    return tokens


class Serve(Strict):
    """``hosts`` are the names under which browsers reach it; ``https``: browsers reach it through TLS only."""

    tokens: Annotated[tuple[Token, ...], Field(strict=False), AfterValidator(_distinct)] = ()
    hosts: Names = ()
    https: bool = False
