"""The demo as a newcomer meets it: a process, a port, the lines it prints, and what happens when something is in its way."""

import asyncio
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from websockets import ConnectionClosed, Subprotocol
from websockets.sync.client import ClientConnection, connect

from gateway.couplings.coupling import Mapping
from gateway.database import create_engine
from gateway.demo_folder import sandbox_in
from gateway.runs.run import Run, RunKind, RunState
from gateway.runs.store import RunStore
from gateway.sandbox.company.demo import demo_company
from tests.cli.commands import GATEWAY, free_port, run, started

SERVICE_RESTART = 1012
"""How a server that stops closes WebSockets. Clients come again."""

MESSAGE_TOO_BIG = 1009


@contextmanager
def watching(base: str, folder: Path, token: str) -> Iterator[tuple[ClientConnection, Iterator[str]]]:
    """A run that no job is at work on, watched over a WebSocket and as an event stream; each has told its first event."""
    id = unfinished_run(folder)
    query = "subscription ($id: ID!) { synchronizationJob(id: $id) { status } }"
    asked = {"query": query, "variables": {"id": str(id)}}
    headers = {"Authorization": f"Bearer {token}"}
    address = base.replace("http", "ws", 1) + "/graphql"
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": headers}))
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": asked}))
        assert [json.loads(socket.recv())["type"] for _ in range(2)] == ["connection_ack", "next"]
        accept = {"Accept": "text/event-stream"}
        with httpx.stream("POST", f"{base}/graphql/stream", json=asked, headers=headers | accept) as response:
            lines = response.iter_lines()
            assert next(lines) == "event: next"
            yield socket, lines


def unfinished_run(folder: Path) -> UUID:
    run = Run(uuid4(), Mapping.CUSTOMER, uuid4(), RunKind.MODIFIED, {}, RunState.RUNNING, datetime.now(UTC), "Ada")

    async def note() -> None:
        engine = create_engine(f"sqlite+aiosqlite:///{folder / 'gateway.db'}")
        await RunStore(engine).add(run)
        await engine.dispose()

    asyncio.run(note())
    return run.id


def too_long(base: str) -> int:
    """How a socket is closed of somebody unknown whose message is long and would be short if it was compressed."""
    address = base.replace("http", "ws", 1) + "/graphql"
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        assert socket.protocol.extensions == [], "compression was offered, and not taken"
        socket.send(json.dumps({"type": "connection_init", "payload": {"a": [[]] * 100_000}}))
        return ended(socket)


def ended(socket: ClientConnection) -> int:
    """With which code it was closed."""
    with suppress(ConnectionClosed):
        while True:
            socket.recv()
    assert socket.close_code is not None
    return socket.close_code


def test_the_demo_answers_the_command_it_prints_and_ends_cleanly(tmp_path: Path) -> None:
    port = free_port()
    with started("demo", "--port", str(port), "--folder", str(tmp_path)) as (process, printed):
        base = f"http://127.0.0.1:{port}"
        assert f"{base}/graphql" in printed
        for name in ("admin", "sales", "widget", "nobody"):
            assert name in printed
        command = re.search(r"^curl -s (\S+) -H '([^']+)' -H '([^']+)' -d '([^']+)'$", printed, re.MULTILINE)
        assert command is not None
        url, *headers, body = command.groups()
        answer = httpx.post(url, headers=dict(header.split(": ", 1) for header in headers), content=body).json()
        assert answer["data"]["customer"] == {
            "displayName": "Harbour Bikes BV",
            "balanceDue": {"amount": "9440", "currencyCode": "EUR"},
            "account": {"name": "Harbour Bikes BV", "owner": {"fullName": "Jonas Okafor"}},
        }

        for name in ("admin", "widget"):
            token = run("token", name, "--url", base)
            assert token.returncode == 0, token.stderr
            viewer = httpx.post(
                f"{base}/graphql",
                json={"query": "{ viewer { roles } }"},
                headers={"Authorization": f"Bearer {token.stdout.strip()}"},
            ).json()
            assert len(viewer["data"]["viewer"]["roles"]) == 1

        application = run("token", "app", "--resource", "dataverse", "--url", base, "--folder", str(tmp_path))
        who = httpx.get(
            f"{base}/sandbox/dataverse/api/data/v9.2/WhoAmI",
            headers={"Authorization": f"Bearer {application.stdout.strip()}"},
        )
        assert who.status_code == 200
        assert httpx.get(f"{base}/sandbox/admin/requests").json()["requests"]
        assert httpx.get(f"{base}/graphql", headers={"Accept": "text/html"}).text.startswith("<!doctype html>")

        assert too_long(base) == MESSAGE_TOO_BIG
        with watching(base, tmp_path, run("token", "admin", "--url", base).stdout.strip()) as (socket, events):
            process.send_signal(signal.SIGINT)
            assert ended(socket) == SERVICE_RESTART
            assert "The gateway is stopping" in "".join(events)
        rest, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert rest.strip() == "Stopped."
        assert errors == ""
    assert {file.name for file in tmp_path.iterdir()} >= {"gateway.db", "business-central.db", "dataverse.db"}


def test_serve_runs_over_a_sandbox_elsewhere(tmp_path: Path) -> None:
    sandbox_port, port = free_port(), free_port()
    folder = tmp_path / "sandbox"
    with started("sandbox", "--port", str(sandbox_port), "--folder", str(folder)) as (_, printed):
        settings = dict(re.findall(r"^export (GATEWAY_\w+)=(.*)$", printed, re.MULTILINE))
        settings["GATEWAY_CLIENT_SECRET"] = (folder / "identity" / "gateway-client-secret").read_text()
        settings["GATEWAY_DATABASE_URL"] = f"sqlite+aiosqlite:///{tmp_path / 'serve.db'}"
        settings["GATEWAY_PORT"] = str(port)
        process = subprocess.Popen(
            [*GATEWAY, "serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | settings
        )
        assert process.stdout is not None
        try:
            assert "Listening" in process.stdout.readline()
            token = run("token", "admin", "--url", f"http://127.0.0.1:{sandbox_port}").stdout.strip()
            answer = httpx.post(
                f"http://127.0.0.1:{port}/graphql",
                json={"query": '{ connection { healthy } item(by: {number: "1001"}) { unitPrice { currencyCode } } }'},
                headers={"Authorization": f"Bearer {token}"},
            ).json()
            assert answer["data"] == {
                "connection": {"healthy": True},
                "item": {"unitPrice": {"currencyCode": "EUR"}},
            }
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("demo", "--folder", "/proc/nowhere"), {}, "/proc/nowhere"),
        (("demo", "--customers", "5"), {}, "at least 200"),
        (("demo",), {"GATEWAY_MAX_PAGE_SIZE": "0"}, "GATEWAY_MAX_PAGE_SIZE"),
        (("serve",), {}, "GATEWAY_TENANT_ID is not set"),
        (("token", "bob"), {}, "nobody called 'bob'"),
        (("token", "admin", "--url", "http://127.0.0.1:9"), {}, "no demo answers"),
        (("token", "admin", "--url", "nonsense"), {}, "--url nonsense"),
        (("token", "app"), {}, "--resource"),
        (("demo", "--port", "http"), {}, "--port"),
    ],
    ids=["folder", "customers", "setting", "no_settings", "person", "no_demo", "url", "resource", "port"],
)
def test_what_is_in_the_way_is_said_in_a_line_without_a_traceback(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    if arguments[0] == "demo" and "--folder" not in arguments:
        arguments = (*arguments, "--folder", str(tmp_path))
    if arguments[0] == "demo" and "--port" not in arguments:
        arguments = (*arguments, "--port", str(free_port()))
    ended = run(*arguments, **environment)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("demo", "--port", str(port), "--folder", str(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr == f"gateway: port {port} on 127.0.0.1 is taken; choose another with --port\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [("business-central.db", b"not a database"), ("company.txt", b"\xff\xfe")],
    ids=["database", "text"],
)
def test_a_broken_folder_is_said(tmp_path: Path, name: str, content: bytes) -> None:
    if name == "business-central.db":
        (tmp_path / "company.txt").write_text(demo_company(customers=200, items=300).fingerprint, encoding="utf-8")
    (tmp_path / name).write_bytes(content)
    ended = run("demo", "--port", str(free_port()), "--folder", str(tmp_path))
    assert ended.returncode == 2
    assert "--folder names another" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_in_use_is_said(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = run("demo", "--port", str(free_port()), "--folder", str(tmp_path))
    assert ended.returncode == 2
    assert "another demo or sandbox is using the folder" in ended.stderr


@pytest.mark.parametrize(
    ("customers", "reset", "stays"),
    [(200, False, True), (200, True, False), (201, False, False)],
    ids=["same_company", "reset", "another_company"],
)
def test_a_new_company_has_no_jobs_of_the_old_one(tmp_path: Path, customers: int, reset: bool, stays: bool) -> None:
    (tmp_path / "company.txt").write_text(demo_company(customers=200, items=300).fingerprint, encoding="utf-8")
    jobs = [tmp_path / f"gateway-jobs.db{end}" for end in ("", "-wal", "-shm")]
    notes = tmp_path / "notes.txt"
    for file in (*jobs, notes):
        file.touch()
    sandbox_in(tmp_path, "http://localhost", customers=customers, items=300, reset=reset).close()
    assert [file.exists() for file in jobs] == [stays] * 3
    assert notes.exists()


def test_a_wrong_setting_of_serve_shows_no_value(tmp_path: Path) -> None:
    secret = "do-not-show-me"
    ended = run("serve", GATEWAY_CLIENT_SECRET=secret, GATEWAY_DATAVERSE_URL=f"http://{secret}.example")
    assert ended.returncode == 2
    assert "GATEWAY_DATAVERSE_URL: must be https" in ended.stderr
    assert secret not in ended.stderr


def test_the_schema_command_prints_the_committed_sdl() -> None:
    printed = run("schema")
    assert printed.stdout == Path("schema/schema.graphql").read_text(encoding="utf-8")


def test_the_readme_commands_are_the_ones_that_work() -> None:
    readme = Path("README.md").read_text(encoding="utf-8")
    assert "pip install uv && uv run gateway demo" in readme
    assert "pip install uv && uv run pytest" in readme
    query = re.search(r"-d '(\{.+\})'", readme)
    assert query is not None
    from schema.example import EXAMPLE_REQUEST

    assert json.loads(query.group(1)) == json.loads(EXAMPLE_REQUEST)
