"""6.0.0 to 7.0.0: a status has one of seven states; runs have a title and name the workflows that they call.

Until 6.0.0 a state was any text. What is none of the seven is rejected: mapping it to one would claim what nobody said.
"""

import app
import repository

from instar.changes import add, convert, inside

changes = [
    inside("repository", repository.SINCE_7_0_0),
    inside("deployment_status.performed_via_github_app", app.SINCE_7_0_0),
    inside("deployment.performed_via_github_app", app.SINCE_7_0_0),
    convert("deployment_status.state", "string -> enum"),
    add("workflow_run.display_title"),
    add("workflow_run.referenced_workflows"),
]

lost = {
    "down": ["deployment_status.performed_via_github_app.events", "deployment.performed_via_github_app.events"],
}
