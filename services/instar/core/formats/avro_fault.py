"""Where in a value something is wrong, found innermost first and completed on the way out."""

from instar.core.rejected import Rejected


class Unreadable(Exception):
    """Inside of decoding only: these bytes are no value of the schema. Leaves the decoder as a ``Rejected``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.parts: list[str] = []  # innermost first

    def rejected(self) -> Rejected:
        return _rejected(self.code, self.message, self.parts)


class Fault:
    """Why a value is not valid: ``message`` continues a sentence (``is missing``)."""

    __slots__ = ("message", "parts")

    def __init__(self, message: str) -> None:
        self.message = message
        self.parts: list[str] = []  # innermost first

    def inside(self, part: str) -> "Fault":
        """The same fault seen from one container further out: ``price``, ``[2]``, ``{key}``."""
        self.parts.append(part)
        return self

    def rejected(self, code: str) -> Rejected:
        return _rejected(code, self.message, self.parts)


def _rejected(code: str, message: str, parts: list[str]) -> Rejected:
    path = path_of(parts)
    return Rejected(code, f"{path or 'The value'} {message}.", path=path or None)


def path_of(parts: list[str]) -> str:
    """``["price", "[2]", "items"]`` is ``items[2].price``."""
    path = ""
    for part in reversed(parts):
        path += part if not path or part[0] in "[{" else f".{part}"
    return path
