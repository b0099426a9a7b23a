"""Signing in with a token, and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from instar.dashboard.callers import COOKIE, SESSION_S, check_csrf
from instar.dashboard.pages.rendering import render
from instar.dashboard.refusals import address_of
from instar.dashboard.site import OfSite

router = APIRouter()


@router.get("/sign-in")
def form(request: Request, site: OfSite) -> Response:
    if site.door.open:
        return RedirectResponse("/", 303)
    return render(request, "sign_in.html", None, wrong=False, onwards=_onwards(request.query_params.get("next", "/")))


@router.post("/sign-in")
def sign_in(
    request: Request,
    site: OfSite,
    token: Annotated[str, Form(max_length=500)] = "",
    onwards: Annotated[str, Form(max_length=1_000)] = "/",
) -> Response:
    """The guard has refused what comes from another site; a wrong token says no more than that it is wrong."""
    key = site.door.sign_in(token)
    if key is None:
        site.audit.refused(None, "sign-in", "The token is not known here.", address_of(request.scope))
        return render(request, "sign_in.html", None, status=401, wrong=True, onwards=_onwards(onwards))
    response = RedirectResponse(_onwards(onwards), 303)
    secure = site.project.serve.https or request.url.scheme == "https"
    response.set_cookie(COOKIE, key, max_age=SESSION_S, httponly=True, samesite="strict", secure=secure, path="/")
    return response


@router.post("/sign-out")
def sign_out(request: Request, site: OfSite, csrf: Annotated[str, Form(max_length=500)] = "") -> Response:
    caller = site.door.caller(request)
    if caller is not None:
        check_csrf(caller, csrf)
        site.door.sign_out(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


def _onwards(path: str) -> str:
    """A page of ours and of nobody else: `//elsewhere` and `/\\elsewhere` lead away."""
    return path if path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable() else "/"
