"""Serving an application on a port of this machine with uvicorn, with or without TLS."""

import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigError
from gateway.request_json import MESSAGE_BYTES

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp

_TAKEN = (48, 98, 10048)
"""EADDRINUSE on macOS, Linux and Windows."""


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of a certificate and of its key, both PEM."""

    certificate: Path
    key: Path


def check(tls: Tls) -> None:
    """Raises: ConfigError when the two files cannot serve TLS together."""
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tls.certificate, tls.key, password="")
    except (ssl.SSLError, ValueError):
        raise ConfigError(f"{tls.certificate} and {tls.key} are not a certificate and its key, both PEM") from None
    except OSError as error:
        raise ConfigError(f"{tls.certificate} and {tls.key} cannot be used for TLS: {error.strerror}") from None


def listen(host: str, port: int) -> socket.socket:
    """The port, taken before anything else is done.

    Raises:
        ConfigError: somebody else has it, or nobody may.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        why = "is taken" if error.errno in _TAKEN else f"cannot be used: {error.strerror}"
        raise ConfigError(f"port {port} on {host} {why}; choose another with --port") from None
    return listener


def run(
    application: "ASGIApp",
    listener: socket.socket,
    ready: Callable[[], None],
    *,
    protocol: "type[asyncio.Protocol] | None" = None,
    tls: Tls | None = None,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve until Ctrl-C; requests under way may end, then everything closes. `protocol` speaks HTTP instead of uvicorn's.

    `stopping` is told before the server waits for requests under way: what would not end by itself is ended there.

    Raises:
        ConfigError: it did not start.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                ready()
                sys.stdout.flush()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            stopping()
            await super().shutdown(sockets=sockets)

    config = uvicorn.Config(
        application,
        http=protocol or "auto",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        lifespan="on",
        server_header=False,
        proxy_headers=False,  # whose word on the caller's address counts is ours to decide
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,  # what is inflated costs its sender a thousandth of what it costs us
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    server = Server(config)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()
    if not server.started:
        raise ConfigError("the server did not start; the log above says why")
