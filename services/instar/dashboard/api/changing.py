"""What all endpoints share that change things: the key that makes them happen once."""

from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import Header, Request

from instar.dashboard.api.document import Asked, Document
from instar.dashboard.callers import Caller
from instar.dashboard.idempotency import HEADER
from instar.dashboard.site import Site

Key = Annotated[
    str,
    Header(
        alias=HEADER,
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="One of your own for each thing that you want done; a UUID does. Repeated, it is done once.",
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ),
]


def once(
    site: Site,
    caller: Caller,
    key: str,
    request: Request,
    body: Asked,
    do: Callable[[], dict[str, Any]],
    *,
    begins: str = "",
    needs_store: bool = False,
) -> Document:
    """Do it, or answer as it was answered when it was done under this key. Raises ``Problem``.

    ``begins``: it is only begun (202), and this is the address that says how it goes on. ``needs_store``: without the
    state store it is not done, for a restart would forget that it was.
    """
    asked = orjson.dumps([request.method, request.url.path, body.model_dump(mode="json")])
    with site.once.doing(caller.name, key, asked, needs_store=needs_store or bool(begins)) as answer:
        if not answer.repeated:
            answer.document = do()
            answer.status = 202 if begins else 200
    headers = {"Location": begins} if begins else {}
    if answer.repeated:
        headers["Idempotency-Replayed"] = "true"
    return Document(answer.document, status_code=answer.status, headers=headers)
