"""A small schema registry on loopback that speaks Confluent's API and can be told to misbehave.

It keeps documents as they are given and checks nothing: no compatibility, no parsing, no versions deleted. What a
real registry decides is tested against a real one.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]  # HTTP status and JSON body, or a text that is no JSON
Fault = Callable[[str, str], Answer | None]  # method and path; None lets the request through


class RegistryServer:
    """``schemas`` by id, ``subjects`` are ids in order of their version; ``fault`` may answer in our place."""

    def __init__(self) -> None:
        self.schemas: dict[int, dict[str, Any]] = {}
        self.subjects: dict[str, list[int]] = {}
        self.requests: list[str] = []
        self.fault: Fault = lambda _method, _path: None
        self.url = ""

    def add(self, subject: str, text: str, kind: str = "AVRO", references: list[dict[str, Any]] | None = None) -> int:
        """As if a producer had registered it."""
        body: dict[str, Any] = {"schema": text, "references": references or []}
        if kind != "AVRO":
            body["schemaType"] = kind
        return int(self._register(subject, body)["id"])

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        self.requests.append(f"{method} {path}")
        return self.fault(method, path) or self._answer(method, path.partition("?")[0], body)

    def _answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        if path == "/schemas/types":
            return 200, ["JSON", "AVRO"]
        if match := re.fullmatch(r"/schemas/ids/(\d+)", path):
            found = self.schemas.get(int(match[1]))
            return (200, found) if found else (404, {"error_code": 40403, "message": "Schema not found"})
        if match := re.fullmatch(r"/subjects/([^/]+)/versions", path):
            return 200, self._register(match[1], body)
        if match := re.fullmatch(r"/subjects/([^/]+)/versions/(\d+)", path):
            return self._version(match[1], int(match[2]))
        if (match := re.fullmatch(r"/subjects/([^/]+)", path)) and method == "POST":
            return self._lookup(match[1], body)
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _register(self, subject: str, body: dict[str, Any]) -> dict[str, Any]:
        schema = {key: body[key] for key in ("schema", "schemaType", "references") if body.get(key)}
        if schema.get("schemaType") == "AVRO":
            del schema["schemaType"]
        known = [number for number, each in self.schemas.items() if each == schema]
        number = known[0] if known else len(self.schemas) + 1
        self.schemas[number] = schema
        ids = self.subjects.setdefault(subject, [])
        if number not in ids:
            ids.append(number)
        return {"id": number}

    def _version(self, subject: str, version: int) -> Answer:
        ids = self.subjects.get(subject, [])
        if version > len(ids):
            return 404, {"error_code": 40402, "message": "Version not found"}
        number = ids[version - 1]
        return 200, {"subject": subject, "version": version, "id": number, **self.schemas[number]}

    def _lookup(self, subject: str, body: dict[str, Any]) -> Answer:
        if subject not in self.subjects:
            return 404, {"error_code": 40401, "message": "Subject not found"}
        for version, number in enumerate(self.subjects[subject], 1):
            if self.schemas[number]["schema"] == body["schema"]:
                return 200, {"subject": subject, "version": version, "id": number, **self.schemas[number]}
        return 404, {"error_code": 40403, "message": "Schema not found"}


@contextmanager
def serving() -> Iterator[RegistryServer]:
    """A server on a free port of loopback for the time of a test."""
    registry = RegistryServer()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, answer = registry.answer(self.command, self.path, body)
            data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Nothing: ``requests`` has it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
