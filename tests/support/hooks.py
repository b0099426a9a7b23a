"""A receiver of web hooks on loopback, which keeps what it gets and answers as it is told."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]  # by their names in small letters
    body: bytes


@dataclass(slots=True)
class Receiver:
    """``answers`` are given one after the other, the last of them for ever; 0 closes without one."""

    url: str
    answers: list[int] = field(default_factory=lambda: [204])
    location: str = ""
    received: list[Received] = field(default_factory=list)

    def next_answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiver(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.received.append(Received(self.path, headers, self.rfile.read(length)))
            status = kept.next_answer()
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            if kept.location:
                self.send_header("location", kept.location)
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the handler's own naming

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust us hangs up: not this program's error."""

    server = Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    kept = Receiver(f"{scheme}://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)
