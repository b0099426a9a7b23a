"""Who may use `instar serve`: the tokens, as hashes, and under which names it is reached."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from instar.project.late import Late, Unresolved
from instar.project.model import Names, Strict, wrong

Role = Literal["viewer", "operator", "approver"]

_HASH = re.compile(r"[0-9a-f]{64}\Z")
_WRITE_ONE = "`instar serve --new-token NAME:ROLE` writes one"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}\Z")


def _hash(value: str) -> str:
    try:
        late = Late.of(value)
    except ValueError as problem:
        raise wrong(str(problem), 'write sha256 = "env:NAME"') from None
    if not late.is_reference and not _HASH.match(value):
        raise wrong("this is not the SHA-256 of a token: 64 of the digits 0-9 and a-f", _WRITE_ONE)
    return value


def _name(value: str) -> str:
    if not _NAME.match(value):
        raise wrong("a token's name has 1 to 63 of the characters A-Z a-z 0-9 . _ @ -", 'write name = "ada"')
    return value


class Token(Strict):
    """A person or a program that may ask. Only the token's SHA-256 is kept: 32 random bytes need no slow hash.

    ``sha256`` may be ``env:NAME`` or ``file:PATH`` until it is resolved.
    """

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

    def callers(self, environ: Mapping[str, str], root: Path) -> tuple[Token, ...]:
        """The tokens with the hashes that their settings name. Raises ``Unresolved``."""
        found: dict[str, Token] = {}
        for token in self.tokens:
            key = f"the token of {token.name}"
            digest = str(Late.of(token.sha256, key).resolve(environ, root)).strip()
            if not _HASH.match(digest):
                raise Unresolved(
                    f"{key}: {token.sha256} is not the SHA-256 of a token: 64 of the digits 0-9 and a-f",
                    remedy=_WRITE_ONE,
                )
            if digest in found:
                raise Unresolved(
                    f"{key} is that of {found[digest].name} too, and who did something must be one",
                    remedy="give each its own",
                )
            found[digest] = token.model_copy(update={"sha256": digest})
        return tuple(found.values())
