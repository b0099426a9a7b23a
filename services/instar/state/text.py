"""Words of people as a database can hold them."""


def storable(text: str) -> str:
    """What no database takes is written as an escape: NUL, and the half characters that a broken terminal sends."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
