"""What can be wrong with a whole file."""


class Unusable(Exception):
    """A file cannot be read or written as a whole. The message says which and where; ``remedy`` what to do."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy
