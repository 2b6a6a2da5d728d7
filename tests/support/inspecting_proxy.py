"""A proxy that inspects TLS, as companies run them: it answers for every host with a certificate of its own making."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from redress.clock import SystemClock
from redress_local.shared_issuer import ensure_certificate


@contextmanager
def inspecting_proxy(host: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Its address and its authority's certificate, until the block ends. Nothing is found behind it."""
    folder.mkdir()
    certificate = folder / "authority.pem"
    key = ensure_certificate(host, folder, certificate, SystemClock())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Inspecting(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                with context.wrap_socket(self.connection, server_side=True) as plain:
                    asked = b""
                    while b"\r\n\r\n" not in asked and (more := plain.recv(4096)):
                        asked += more
                    plain.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except OSError:
                pass  # the client refused the certificate
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Inspecting)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", certificate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
