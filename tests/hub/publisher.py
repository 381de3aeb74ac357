"""A publisher of models on this computer: a small file server that can also cut a file short or lead elsewhere."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

from edge.hub import Catalogue
from edge.hub.catalogue import Published, Publisher
from tests import networks

Fault = Literal["cut", "no length", "gone", "elsewhere"]
PLATE = "AB12"
DETECTOR, READER = "finder-64", "scribe-global-model"


@dataclass
class Server:
    """What it serves by name, what is wrong with it, and what it was asked for."""

    files: dict[str, bytes]
    fault: Fault | None = None
    leads_to: str = ""
    asked: list[str] = field(default_factory=list)
    address: str = ""


@contextmanager
def served(files: dict[str, bytes]) -> Iterator[Server]:
    """Serves `files` on a free port of 127.0.0.1 until the block ends."""
    server = Server(files=files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            server.asked.append(name)
            content = server.files.get(name)
            if server.fault == "elsewhere":
                self.send_response(302)
                self.send_header("Location", server.leads_to or f"/other/{name}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                server.fault = None
            elif content is None or server.fault == "gone":
                self.send_error(404)
            else:
                self.send_response(200)
                if server.fault != "no length":
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if server.fault == "cut" else content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.address = f"http://127.0.0.1:{http.server_port}/"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def published() -> dict[str, bytes]:
    """A detector and a reader, as their publisher has them."""
    return {
        "finder.onnx": networks.detector([(0, 8, 16, 48, 32, 0, 0.9)]),
        "scribe.onnx": networks.reader(PLATE),
        "scribe.yaml": networks.CONFIG.encode(),
    }


def catalogue(**pinned: str) -> Catalogue:
    """A catalogue of these two; `pinned` gives the sha256 of `finder`, `scribe` or `config`."""
    publisher = Publisher(
        address="https://publisher.invalid/models/", page="https://publisher.invalid", licence="MIT", notice="As is."
    )
    finder = Published(
        name=DETECTOR, kind="detector", publisher="them", file="finder.onnx", sha256=pinned.get("finder")
    )
    scribe = Published(
        name=READER,
        kind="reader",
        publisher="them",
        file="scribe.onnx",
        sha256=pinned.get("scribe"),
        config="scribe.yaml",
        config_sha256=pinned.get("config"),
        margin=0.05,
    )
    return Catalogue(publisher={"them": publisher}, model=(finder, scribe))


def contents(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
