"""The command line: ``gateway demo | serve | sandbox | schema | token``.

Whatever can be wrong with what a person typed or set is one line on standard error and exit code 2, never a traceback.
Heavy imports wait until a command needs them.
"""

import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.errors import ConfigError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="One GraphQL API over Business Central and Dynamics 365 Sales."
)

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]
Folder = Annotated[Path, typer.Option(help="Where the data is kept.")]
Customers = Annotated[int, typer.Option(help="How many customers the demo company has; at least 200.")]
Items = Annotated[int, typer.Option(help="How many items it has; at least 300.")]
Reset = Annotated[bool, typer.Option("--reset", help="Start from the original data again.")]

DEMO_FOLDER = Path(".demo")
USAGE_ERROR = 2


def main() -> None:
    app()


@contextmanager
def one_clear_line() -> Iterator[None]:
    """What a person can put right becomes one line for each problem and exit code 2."""
    try:
        yield
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(f"gateway: {problem}", err=True)
        raise typer.Exit(USAGE_ERROR) from None


@app.command()
def demo(
    port: Port = 8000,
    folder: Folder = DEMO_FOLDER,
    customers: Customers = 200,
    items: Items = 300,
    reset: Reset = False,
) -> None:
    """Gateway, both simulators, identity stand-in and GraphiQL in one process on one port of this machine."""
    with one_clear_line():
        from gateway.database import create_engine, upgrade
        from gateway.demo import create_demo, database_url
        from gateway.telemetry import configure_logging

        configure_logging("WARNING")
        listener = _listen("127.0.0.1", port)
        sandbox = _open_sandbox(f"http://127.0.0.1:{port}", folder, customers, items, reset=reset)
        made = _checked(lambda: create_demo(sandbox, database_url(folder)))
        _now(upgrade, create_engine(made.settings.database_url.get_secret_value()))
        try:
            _run(made.app, listener, lambda: _welcome(made))
        finally:
            sandbox.close()
    typer.echo("Stopped.")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: GATEWAY_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; default: GATEWAY_PORT.")] = None,
) -> None:
    """The gateway over the backends that the GATEWAY_… settings name (docs/settings.md)."""
    with one_clear_line():
        from gateway.app import create_app
        from gateway.config import load_settings
        from gateway.database import create_engine, upgrade
        from gateway.graphiql.page import graphiql_routes
        from gateway.telemetry import configure_logging
        from schema.example import EXAMPLE_QUERY

        settings = load_settings()
        configure_logging(settings.log_level)
        at = (host or settings.host, port or settings.port)
        listener = _listen(*at)
        _now(upgrade, create_engine(settings.database_url.get_secret_value()))
        page = graphiql_routes(endpoint="/graphql", default_query=EXAMPLE_QUERY)
        _run(
            create_app(settings, routes=page),
            listener,
            lambda: typer.echo(f"Listening on http://{at[0]}:{at[1]}/graphql"),
        )


@app.command()
def sandbox(
    port: Port = 8001,
    folder: Folder = Path(".sandbox"),
    customers: Customers = 200,
    items: Items = 300,
    reset: Reset = False,
) -> None:
    """The simulators of Business Central and Dataverse, and the identity stand-in, without the gateway."""
    with one_clear_line():
        from gateway.telemetry import configure_logging

        configure_logging("WARNING")
        listener = _listen("127.0.0.1", port)
        opened = _open_sandbox(f"http://127.0.0.1:{port}", folder, customers, items, reset=reset)
        try:
            _run(opened.app(), listener, lambda: _introduce(opened, folder))
        finally:
            opened.close()
    typer.echo("Stopped.")


@app.command()
def schema(
    output: Annotated[Path | None, typer.Option(help="Write it to this file instead of standard output.")] = None,
) -> None:
    """Print the GraphQL schema (SDL)."""
    from schema.root import print_sdl

    sdl = print_sdl()
    if output is None:
        sys.stdout.write(sdl)
    else:
        with one_clear_line():
            try:
                output.write_text(sdl, encoding="utf-8")
            except OSError as error:
                raise ConfigError(f"{output} cannot be written: {error.strerror}") from None


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="admin, sales, widget or nobody; or app, the gateway's own application.")],
    url: Annotated[str, typer.Option(help="Where the demo or the sandbox runs.")] = "http://127.0.0.1:8000",
    resource: Annotated[
        str | None, typer.Option(help="For app: the backend the token is for, dataverse or business-central.")
    ] = None,
    folder: Folder = DEMO_FOLDER,
) -> None:
    """Print an access token of the running demo: of a demo person for the gateway, or of the application for a simulator."""
    with one_clear_line():
        from gateway.demo_tokens import application_token, person_token

        typer.echo(application_token(url, resource, folder) if name == "app" else person_token(url, name))


def _open_sandbox(base: str, folder: Path, customers: int, items: int, *, reset: bool) -> Any:
    from gateway.sandbox.app import open_sandbox
    from gateway.sandbox.company.demo import demo_company

    try:
        company = demo_company(customers=customers, items=items)
    except ValueError as error:
        raise ConfigError(f"{error}") from None
    try:
        _prepare(folder, company.fingerprint, reset=reset)
        return open_sandbox(base, folder=folder, customers=customers, items=items)
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be used: {error.strerror or error}") from None
    except (ValueError, sqlite3.Error):
        raise ConfigError(
            f"the folder {folder} holds files that are not the demo's, or broken ones; --folder names another"
        ) from None


def _prepare(folder: Path, fingerprint: str, *, reset: bool) -> None:
    """An empty folder for another company, or the folder as it was. Only files of ours are ever removed."""
    folder.mkdir(parents=True, exist_ok=True)
    _hold(folder)
    marker = folder / "company.txt"
    kept = marker.read_text(encoding="utf-8") if marker.exists() else None
    if reset or kept != fingerprint:
        for name in ("gateway.db", "business-central.db", "dataverse.db"):
            for file in (folder / name, folder / f"{name}-wal", folder / f"{name}-shm"):
                file.unlink(missing_ok=True)
    marker.write_text(fingerprint, encoding="utf-8")


_held: list[Any] = []
"""Open files whose locks last as long as the process."""


def _hold(folder: Path) -> None:
    """One process a folder: a second one would take the databases away under the first. Not on Windows, which has no flock."""
    try:
        import fcntl
    except ImportError:
        return
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigError(f"another demo or sandbox is using the folder {folder}; name another with --folder") from None
    _held.append(lock)


def _listen(host: str, port: int) -> socket.socket:
    """The port, taken before anything else is done."""
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


_TAKEN = (48, 98, 10048)
"""EADDRINUSE on macOS, Linux and Windows."""


def _checked(make: Callable[[], Any]) -> Any:
    """Settings that come from the environment beside those of the demo."""
    from pydantic import ValidationError

    from gateway.config import problems

    try:
        return make()
    except ValidationError as error:
        raise ConfigError(*problems(error)) from None


def _now(upgrade: Any, engine: Any) -> None:
    """The tables are brought up to date before the server starts, where a problem can still be told in one line."""
    import asyncio

    async def once() -> None:
        try:
            await upgrade(engine)
        finally:
            await engine.dispose()

    asyncio.run(once())


def _run(application: "ASGIApp", listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C; requests under way may end, then everything closes."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                ready()
                sys.stdout.flush()

    config = uvicorn.Config(
        application, log_config=None, access_log=False, timeout_graceful_shutdown=5, lifespan="on", server_header=False
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


def _welcome(made: Any) -> None:
    from gateway.sandbox.identity.people import ADMIN, DEMO_PEOPLE, GATEWAY_RESOURCE
    from schema.example import EXAMPLE_REQUEST

    base = made.sandbox.addresses.base
    access = made.sandbox.identity.issue(ADMIN, GATEWAY_RESOURCE)
    lines = [
        f"The gateway is ready. GraphiQL: {base}/graphql",
        "",
        "Ask both systems (the token is the demo administrator's and good for an hour):",
        "",
        f"curl -s {base}/graphql -H 'Content-Type: application/json' -H 'Authorization: Bearer {access}' -d '{EXAMPLE_REQUEST}'",
        "",
        "Demo people, for GraphiQL and for `gateway token NAME`:",
        *(f"  {person.name:8}{person.display_name:18}{_roles(person.roles)}" for person in DEMO_PEOPLE),
        "",
        f"Sandbox: {base}/sandbox/admin/ shows what the backends were asked. Ctrl-C ends.",
    ]
    typer.echo("\n".join(lines))


def _roles(roles: tuple[str, ...]) -> str:
    from gateway.auth.caller import APP_ROLES

    titles = [APP_ROLES[role].replace("_", " ").title() for role in roles]
    return ", ".join(titles) if titles else "no role"


def _introduce(opened: Any, folder: Path) -> None:
    from gateway.sandbox.identity.people import GATEWAY_CLIENT_ID, GATEWAY_RESOURCE, TENANT_ID

    at = opened.addresses
    lines = [
        "The sandbox is ready. For a gateway over it, in a shell:",
        "",
        f"export GATEWAY_TENANT_ID={TENANT_ID}",
        f"export GATEWAY_CLIENT_ID={GATEWAY_CLIENT_ID}",
        f"export GATEWAY_CLIENT_SECRET=$(cat {folder / 'identity' / 'gateway-client-secret'})",
        f"export GATEWAY_AUTHORITY={at.authority}",
        f"export GATEWAY_AUDIENCE={GATEWAY_RESOURCE}",
        f"export GATEWAY_BUSINESS_CENTRAL_URL={at.business_central}",
        f"export GATEWAY_COMPANY_ID={opened.company.company_id}",
        f"export GATEWAY_DATAVERSE_URL={at.dataverse}",
        "",
        f"What was asked: {at.base}/sandbox/admin/requests. Ctrl-C ends.",
    ]
    typer.echo("\n".join(lines))
