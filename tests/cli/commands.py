"""How tests run the commands: the real program in a process of its own, on a free port of this machine."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

GATEWAY = [sys.executable, "-c", "from gateway.cli import main; main()"]
READY = "Ctrl-C ends."
KEEP_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""Two dozen processes import the same modules: compile them once, even where this is switched off."""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return subprocess.run(
        [*GATEWAY, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=clean | KEEP_BYTECODE | environment,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server, and what it printed until it was ready."""
    process = subprocess.Popen(
        [*GATEWAY, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | KEEP_BYTECODE | environment,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        printed = ""
        for line in process.stdout:
            printed += line
            if READY in line:
                break
        else:
            raise AssertionError(process.stderr.read())
        yield process, printed
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
