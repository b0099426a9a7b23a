"""URI references, as far as ``$id`` and ``$ref`` need them (RFC 3986 section 5.2; RFC 6901 section 6)."""

import re

_URI = re.compile(r"^(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$", re.DOTALL)
_ESCAPE = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


def _split(uri: str) -> tuple[str | None, str | None, str, str | None, str | None]:
    match = _URI.match(uri)
    if match is None:
        return None, None, uri, None, None
    scheme, authority, path, query, fragment = match.groups()
    return scheme, authority, path, query, fragment


def _unparse(scheme: str | None, authority: str | None, path: str, query: str | None) -> str:
    text = "" if scheme is None else scheme + ":"
    text += "" if authority is None else "//" + authority
    return text + path + ("" if query is None else "?" + query)


def _remove_dots(path: str) -> str:
    output: list[str] = []
    segments = path.split("/")
    for position, segment in enumerate(segments):
        last = position == len(segments) - 1
        if segment in (".", ".."):
            if segment == ".." and len(output) > 1:
                output.pop()
            if last:
                output.append("")
        else:
            output.append(segment)
    return "/".join(output)


def join(base: str, reference: str) -> tuple[str, str]:
    """Resolve a reference: ``(absolute URI without fragment, decoded fragment)``."""
    scheme, authority, path, query, fragment = _split(reference)
    base_scheme, base_authority, base_path, base_query, _ = _split(base)
    if scheme is not None:
        path = _remove_dots(path)
    elif authority is not None:
        scheme, path = base_scheme, _remove_dots(path)
    else:
        scheme, authority = base_scheme, base_authority
        if path == "":
            path = base_path
            query = base_query if query is None else query
        elif path.startswith("/"):
            path = _remove_dots(path)
        else:
            folder = base_path.rpartition("/")[0] + "/" if "/" in base_path or base_authority else ""
            path = _remove_dots(folder + path)
    return _unparse(scheme, authority, path, query), _decoded(fragment or "")


def _decoded(text: str) -> str:
    return _ESCAPE.sub(lambda m: bytes.fromhex(m.group().replace("%", "")).decode("utf-8", "replace"), text)


def pointer(base: str, *tokens: str | int) -> str:
    """A JSON pointer with more reference tokens at its end."""
    return base + "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def tokens(text: str) -> list[str]:
    """The reference tokens of a JSON pointer (``""`` is the whole document)."""
    return [token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:]]
