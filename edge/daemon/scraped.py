"""The metrics on 127.0.0.1, where device.toml asks for them; nothing can be changed there, and nobody is named."""

import threading
from collections.abc import Callable

from edge.control.metrics import CONTENT_TYPE, metrics
from edge.control.status import Status
from edge.errors import ConfigError

HOME = "127.0.0.1"
_PATIENCE = 5.0


class Scraped:
    """Listens from `start` to `close`; without a port it does nothing."""

    def __init__(self, port: int | None, status: Callable[[], Status]) -> None:
        """Raises ConfigError when somebody else listens there."""
        self._server = None
        if port is None:
            return
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer  # two megabytes, only for who asks for it

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                return  # who hangs up is no news

        class Answers(BaseHTTPRequestHandler):
            timeout = _PATIENCE

            def do_GET(self) -> None:
                found = self.path == "/metrics"
                body = metrics(status()).encode() if found else b"ask for /metrics\n"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                return  # who asks is no change of state

        try:
            self._server = Server((HOME, port), Answers)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise ConfigError(f"{HOME}:{port}: the metrics cannot be told there, {why}; see `metrics_port`") from None

    def start(self) -> None:
        """Begins to answer."""
        if self._server is not None:
            threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Listens no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
