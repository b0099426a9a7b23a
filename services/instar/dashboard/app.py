"""The application: the API and the pages over one site."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from instar import __version__
from instar.dashboard.api import (
    consumers,
    convert,
    dead_letters,
    history,
    migrations,
    rollouts,
    standing,
    subjects,
    tail,
    topics,
    verifications,
)
from instar.dashboard.api.convert import errors_of
from instar.dashboard.api.document import Document
from instar.dashboard.guard import LOOPBACK, Guard, Limiter, RefusedBody
from instar.dashboard.pages import router as pages
from instar.dashboard.pages.rendering import error_page
from instar.dashboard.problems import MEDIA_TYPE, Problem, ProblemDetails, problem_of
from instar.dashboard.refusals import Refusals
from instar.dashboard.site import Site
from instar.dashboard.tending import tend
from instar.kafka.errors import KafkaTrouble
from instar.operations.failure import Failure
from instar.registry.port import RegistryError
from instar.state.errors import StateTrouble

log = structlog.get_logger(__name__)

PREFIX = "/v1"
_COMPRESSED_FROM_BYTES = 1_000  # below, it would not save a packet
_COMPRESS_LEVEL = 5  # a page of 300 kB in 4 ms; level 9 takes three times as long for 2 % less
_DESCRIPTION = """What the commands show and do, for programs in any language.

Errors are problem details (RFC 9457) with a `remedy`. Lists come in pages; pass `next` as `cursor`. What changes things
takes an `Idempotency-Key`. Numbers keep all their digits.
"""


def make_app(site: Site, *, hosts: Sequence[str] | None = None, limiter: Limiter | None = None) -> FastAPI:
    """``hosts`` are the only names that requests may come under; by default loopback's, where no token is needed."""
    app = FastAPI(
        title="instar",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    app.state.site = site
    app.state.listeners = standing.Listeners()
    app.state.stopping = asyncio.Event()
    api = APIRouter(prefix=PREFIX)
    routers = (
        standing,
        subjects,
        consumers,
        convert,
        migrations,
        rollouts,
        dead_letters,
        topics,
        tail,
        history,
        verifications,
    )
    for each in routers:
        api.include_router(each.router)
    app.include_router(api)
    app.include_router(pages, include_in_schema=False)
    static = files("instar.dashboard") / "static"
    app.mount("/static", StaticFiles(directory=str(static)), name="static")
    foreseen = (Problem, Failure, KafkaTrouble, RegistryError, StateTrouble, HTTPException, RequestValidationError)
    for kind in (*foreseen, Exception):
        app.add_exception_handler(kind, _answer)
    serve = site.project.serve
    if hosts is None:
        hosts = [*serve.hosts, *(LOOPBACK if site.door.open or serve.hosts else ())]
    app.add_middleware(GZipMiddleware, minimum_size=_COMPRESSED_FROM_BYTES, compresslevel=_COMPRESS_LEVEL)
    app.add_middleware(
        Guard,
        hosts=hosts,
        https=serve.https,
        limiter=limiter or Limiter(),
        refused=Refusals(site).at_the_door,
    )
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    site: Site = app.state.site
    stopping: asyncio.Event = app.state.stopping
    looking = asyncio.create_task(site.watcher.run(stopping))
    tending = asyncio.create_task(tend(site, stopping))
    try:
        yield
    finally:
        stopping.set()
        await asyncio.to_thread(site.moves.stop)
        await asyncio.to_thread(site.tails.stop)
        await asyncio.gather(looking, tending)
        if site.store is not None:
            site.store.close()


async def _answer(request: Request, error: Exception) -> Response:
    """Any error: as a problem under /v1, as a page elsewhere."""
    problem = _problem(error)
    if problem.status >= 500:
        # As text: what a console makes of exc_info shows the values of all locals, and records are among them.
        trace = "".join(traceback.format_exception(error)) if problem.code == "internal" else None
        log.error("a request failed", path=request.url.path, status=problem.status, why=problem.detail, trace=trace)
    await asyncio.to_thread(Refusals(request.app.state.site).of_request, request, error)
    if not request.url.path.startswith(PREFIX):
        return await asyncio.to_thread(error_page, request, problem)
    return Document(
        problem.document(request.url.path),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def _problem(error: Exception) -> Problem:
    match error:
        case RequestValidationError():
            return Problem(422, "unfit", "The request is not as it must be.", errors=errors_of(error.errors()))
        case RefusedBody():
            return error.problem
        case HTTPException(status_code=404):
            return Problem(404, "not-found", "There is nothing at this address.", "/v1/openapi.json lists what is.")
        case HTTPException():
            return Problem(error.status_code, "http", str(error.detail), headers=error.headers)
    return problem_of(error)


def _openapi(app: FastAPI) -> dict[str, object]:
    """The description with the problem details that every error is, and how to authenticate."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            openapi_version="3.1.0",
        )
        components = schema.setdefault("components", {})
        shape = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        components.setdefault("schemas", {})[ProblemDetails.__name__] = shape
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{}, {"token": []}]
        app.openapi_schema = schema
    return app.openapi_schema
