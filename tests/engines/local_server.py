"""A web server on this machine that behaves, and misbehaves, as a test needs it to."""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What the server has at a path.

    Attributes:
        body: All of it.
        status: What it answers instead of sending the body, unless 200.
        location: Where it redirects to.
        ranges: Whether it honours a range.
        breaks_off_at: Where the next answer ends, as if the connection was lost.
        before: Called before it answers.
        content_type: What it says the body is.
        headers: What else it says.
    """

    body: bytes = b""
    status: int = 200
    location: str | None = None
    ranges: bool = True
    breaks_off_at: int | None = None
    before: Callable[[], object] = lambda: None
    content_type: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class LocalServer:
    """The pages by their paths, and what was asked so far.

    Attributes:
        address: Where it is.
        pages: What it has.
        requests: The path and the range of each page that was wanted.
        authorizations: The path and the authorization of each request.
    """

    address: str
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    authorizations: list[tuple[str, str | None]] = field(default_factory=list)

    def put(self, path: str, body: bytes, **behaviour) -> str:
        """Offer a page, and return its URL."""
        self.pages[path] = Page(body, **behaviour)
        return f"{self.address}{path}"


@contextmanager
def local_server():
    """Serve until the context ends."""

    class Connection(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(with_body=False)

        def do_GET(self):
            served.requests.append((self.path, self.headers.get("Range")))
            self.answer(with_body=True)

        def answer(self, *, with_body):
            served.authorizations.append((self.path, self.headers.get("Authorization")))
            asked_range = self.headers.get("Range")
            page = served.pages.get(self.path, Page(status=404))
            page.before()
            start = 0
            if page.location:
                self.send_response(302)
                self.send_header("Location", page.location)
            elif page.status != 200:
                self.send_response(page.status)
            elif asked_range and page.ranges:
                start = int(asked_range.removeprefix("bytes=").removesuffix("-"))
                self.send_response(206)
                last = len(page.body) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(page.body)}")
            else:
                self.send_response(200)
            body = page.body[start:] if page.status == 200 and not page.location else b""
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if not with_body:
                return
            if page.breaks_off_at is not None:
                body, page.breaks_off_at = page.body[start : page.breaks_off_at], None
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Connection)
    served = LocalServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
