"""5.0.0 to 6.0.0: the organization that owns the repository may be told."""

import repository

from instar.changes import add, inside

changes = [
    inside("repository", repository.SINCE_6_0_0),
    add("organization"),
]
