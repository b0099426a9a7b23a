"""7.0.0 to 7.6.1: repositories have custom properties."""

import repository

from instar.changes import inside

changes = [inside("repository", repository.SINCE_7_6_1)]
