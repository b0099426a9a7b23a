"""6.0.0 to 7.0.0: repositories tell whether commits need a sign-off, and how merges are worded."""

import repository

from instar.changes import inside

changes = [inside("repository", repository.SINCE_7_0_0)]
