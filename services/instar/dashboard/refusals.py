"""Which refused requests are written down as attempts: who tried what they may not."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope

from instar.dashboard.callers import Caller
from instar.dashboard.guard import SAFE
from instar.dashboard.problems import Problem
from instar.dashboard.site import Site
from instar.state.errors import Refused

ALWAYS = frozenset({"unknown-token", "role"})
CHANGING = frozenset({"no-token", "stale-form", "cross-site", "rollout-refused", "plan-changed", "too-many-requests"})
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Refusals:
    site: Site

    def of_request(self, request: Request, error: Exception) -> None:
        """What an endpoint refused: roles, forms, tokens, rollouts, one's own approvals. Other errors are none."""
        changing = request.method not in SAFE
        code = error.code if isinstance(error, Problem) else ""
        if not (code in ALWAYS or (changing and (code in CHANGING or isinstance(error, Refused)))):
            return
        migration = request.path_params.get("migration", "")
        self.site.audit.refused(self._caller(request), _what(request), str(error), address_of(request.scope), migration)

    def at_the_door(self, scope: Scope, problem: Problem) -> None:
        """What the guard refused before anybody knew who asks."""
        if problem.code not in CHANGING:
            return
        what = scope["path"].rpartition("/")[2][:_SHOWN_CHARS]
        self.site.audit.refused(None, what, problem.detail, address_of(scope))

    def _caller(self, request: Request) -> Caller | None:
        try:
            return self.site.door.caller(request)
        except Problem:
            return None


def _what(request: Request) -> str:
    """``switch``: the verb of the address, or else the last part of it that is no name."""
    if "verb" in request.path_params:
        return str(request.path_params["verb"])
    route = request.scope.get("route")
    template: str = getattr(route, "path", "")
    parts = [part for part in template.split("/") if part and not part.startswith("{")]
    return parts[-1] if parts else request.url.path[:_SHOWN_CHARS]


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
