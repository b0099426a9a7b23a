"""What is wrong with the state, each with what to do about it."""


class StateTrouble(Exception):
    """The database of the state stops the work. The message says what, where and why; ``remedy`` what to do."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class BadUrl(StateTrouble):
    """The setting ``state`` names no database that instar can use."""

    exit_code = 2


class Unreachable(StateTrouble):
    """The database does not answer, or its file cannot be opened."""

    exit_code = 5


class Busy(StateTrouble):
    """Another program held the database, or a row of it, for too long. Nothing was changed."""

    exit_code = 5


class NotAllowed(StateTrouble):
    """The user of the database lacks a permission, or its file may not be written."""

    exit_code = 4


class NotMigrated(StateTrouble):
    """The tables are missing or older than this program needs."""

    exit_code = 4


class TooNew(StateTrouble):
    """A later instar has changed the tables; this one must not touch them."""

    exit_code = 4


class Refused(StateTrouble):
    """It may not be done: an approval of one's own, of something expired, used or answered."""

    exit_code = 4


class NotThere(StateTrouble):
    """Nothing has that name or id."""
