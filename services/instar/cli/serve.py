"""``instar serve``: the API and the dashboard, in one process."""

import ipaddress
import re
import secrets
import socket
import sys
from contextlib import redirect_stdout
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from instar.cli.exits import OK, REFUSED, USAGE, fail
from instar.cli.output import stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, open_project
from instar.cli.stopping import stopping

_STOP_WITHIN_S = 5
_NEW = re.compile(r"([A-Za-z0-9][A-Za-z0-9._@-]{0,62}):(viewer|operator|approver)\Z")


def add_to(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0: any free one.")] = 8300,
    tls_certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", metavar="FILE", help="Serve over TLS with this certificate.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="The certificate's key.")] = None,
    new_token: Annotated[
        str | None,
        typer.Option("--new-token", metavar="NAME:ROLE", help="Only make a token: viewer, operator or approver."),
    ] = None,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Serve the API under /v1 and the dashboard, until stopped.

    Without tokens in [tool.instar.serve] only this machine is listened to, and whoever is on it is the operator. The
    project is read once; restart to serve a changed one.
    """
    if new_token is not None:
        return _new_token(new_token)
    opened = open_project(project, environment)
    settings = opened.serve
    if not settings.tokens and not _is_loopback(host):
        fail(
            f"{host} can be reached from other machines, and nobody would have to say who they are.",
            "Add tokens under [tool.instar.serve] (`instar serve --new-token NAME:ROLE`), or leave --host out.",
            REFUSED,
        )
    if (tls_certificate is None) != (tls_key is None):
        fail("A certificate needs its key.", "Give both --tls-certificate and --tls-key.", USAGE)
    try:
        import uvicorn

        from instar.dashboard.app import make_app
        from instar.dashboard.site import open_site
    except ImportError as problem:
        fail(f"Serving needs packages that are not here ({problem.name}).", "pip install 'instar[serve]'", USAGE)
    if not _is_loopback(host) and tls_certificate is None and not settings.https:
        stderr.print(
            f"warning: {host} is served without TLS, so that tokens can be read on their way. Give --tls-certificate, "
            "or put a proxy before it and set https = true.",
            style="yellow",
            soft_wrap=True,
        )
    if opened.errors:
        stderr.print(f"The project has {len(opened.errors)} errors; `instar check` shows them.", style="yellow")
    app = make_app(open_site(opened, bootstrap))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_STOP_WITHIN_S,
        ssl_certfile=tls_certificate,
        ssl_keyfile=tls_key,
    )
    with _listening(host, port) as listener, stopping() as state:
        scheme = "http" if tls_certificate is None else "https"
        where = f"{scheme}://{_shown(host)}:{listener.getsockname()[1]}"
        stderr.print(f"instar serves {where} (stop with Ctrl-C)", markup=False, soft_wrap=True)
        with redirect_stdout(sys.stderr):  # a hop that prints, in any thread, prints to the log
            uvicorn.Server(config).run(sockets=[listener])
        return state.exit_code


def _listening(host: str, port: int) -> socket.socket:
    """Fails where the address is somebody else's."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as problem:
        fail(f"{_shown(host)}:{port} cannot be listened on: {problem.strerror}.", "Give another --host or --port.")


def _new_token(asked: str) -> int:
    """The token to stdout, where it stands alone; what to write into the settings beside it."""
    match = _NEW.match(asked)
    if match is None:
        fail(f"--new-token {asked} is not NAME:ROLE.", "For example --new-token ada:operator", USAGE)
    token = secrets.token_urlsafe(32)
    digest = sha256(token.encode()).hexdigest()
    stderr.print("Add this line to tokens under [tool.instar.serve], and give the token to its owner:", markup=False)
    line = f'{{ name = "{match[1]}", role = "{match[2]}", sha256 = "{digest}" }},'
    stderr.print(line, markup=False, soft_wrap=True)
    print(token)
    return OK


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name: what it leads to may change
        return False


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
