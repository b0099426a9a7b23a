"""Telemetry that fails is switched off and said; what it was watching goes on as if nothing had been."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import structlog

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class Breakable(Protocol):
    broken: bool


B = TypeVar("B", bound=Breakable)


def harmless(method: Callable[Concatenate[B, P], T]) -> Callable[Concatenate[B, P], T | None]:
    """A method that never raises: the first failure is logged, and after it the object's methods do nothing."""

    def guarded(self: B, /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        if self.broken:
            return None
        try:
            return method(self, *args, **kwargs)
        except Exception as problem:
            self.broken = True
            log.warning("telemetry failed and is off from here on", why=repr(problem), in_=method.__name__)
            return None

    update_wrapper(guarded, method)
    return guarded
