"""URI references as JSON Schema uses them: split, resolved and decoded (RFC 3986, sections 2.1 and 5.2, appendix B).

Written out because the core imports nothing of ``urllib``, and because the library's own joining knows only a fixed
list of schemes: it leaves ``urn:`` and any other base without effect.
"""

import re
from typing import NamedTuple

_SPLIT = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?\Z",
    re.S,
)
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


class Reference(NamedTuple):
    """The parts of a reference; None where a part is absent, which is not the same as empty."""

    scheme: str | None
    authority: str | None
    path: str
    query: str | None
    fragment: str | None

    def __str__(self) -> str:
        text = "" if self.scheme is None else f"{self.scheme}:"
        text += "" if self.authority is None else f"//{self.authority}"
        text += self.path
        text += "" if self.query is None else f"?{self.query}"
        return text if self.fragment is None else f"{text}#{self.fragment}"


def split(text: str) -> Reference:
    """Any text has parts; whether they are good ones is for the look-up to find out."""
    match = _SPLIT.match(text)
    return Reference(*match.groups()) if match is not None else Reference(None, None, text, None, None)


def without_fragment(text: str) -> tuple[str, str]:
    """A reference without its fragment, and the fragment, empty when there is none."""
    parts = split(text)
    return str(parts._replace(fragment=None)), parts.fragment or ""


def join(base: str, reference: str) -> str:
    """The reference resolved against an absolute base."""
    start, parts = split(base), split(reference)
    if parts.scheme is not None:
        return str(parts._replace(path=_without_dots(parts.path)))
    if parts.authority is not None:
        return str(parts._replace(scheme=start.scheme, path=_without_dots(parts.path)))
    query = parts.query
    if not parts.path:
        path = start.path
        query = start.query if query is None else query
    elif parts.path.startswith("/"):
        path = _without_dots(parts.path)
    else:
        folder = start.path.rpartition("/")[0] + "/" if "/" in start.path or start.authority is not None else ""
        path = _without_dots(folder + parts.path)
    return str(Reference(start.scheme, start.authority, path, query, parts.fragment))


def decoded(text: str) -> str:
    """Percent-escapes as the characters they stand for; bytes that are not UTF-8 become U+FFFD."""
    if "%" not in text:
        return text
    return _ESCAPED.sub(lambda found: bytes((int(found[1], 16),)), text.encode()).decode(errors="replace")


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for at, segment in enumerate(segments):
        last = at == len(segments) - 1
        if segment == "..":
            if len(kept) > 1 or (kept and kept[0]):
                kept.pop()
        elif segment != ".":
            kept.append(segment)
        if last and segment in (".", ".."):
            kept.append("")
    return "/".join(kept)
