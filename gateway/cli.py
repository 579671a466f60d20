"""The command line: ``gateway demo | serve | worker | sandbox | schema | token | couplings``.

Whatever can be wrong with what a person typed or set is one line on standard error and exit code 2, never a traceback.
Heavy imports wait until a command needs them.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.couplings_cli import app as couplings_app
from gateway.couplings_cli import one_clear_line
from gateway.demo_folder import sandbox_in
from gateway.errors import ConfigError
from gateway.server import Tls, check, listen, run

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

app.add_typer(couplings_app, name="couplings")


def main() -> None:
    app()


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
        from gateway.sandbox.connection import BreakableProtocol
        from gateway.telemetry import configure_logging

        configure_logging("WARNING")
        listener = listen("127.0.0.1", port)
        sandbox = sandbox_in(folder, f"http://127.0.0.1:{port}", customers=customers, items=items, reset=reset)
        made = _checked(lambda: create_demo(sandbox, database_url(folder), public_url=sandbox.addresses.base))
        _now(upgrade, create_engine(made.settings.database_url.get_secret_value()))
        try:
            run(
                made.app,
                listener,
                lambda: _welcome(made),
                protocol=BreakableProtocol,
                stopping=made.app.state.streams.end,
            )
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
        from gateway.single_process import hold
        from gateway.telemetry import configure_logging
        from schema.example import EXAMPLE_QUERY

        settings = load_settings()
        configure_logging(settings.log_level)
        at = (host or settings.host, port or settings.port)
        listener = listen(*at)
        hold(settings.database_url.get_secret_value())
        _now(upgrade, create_engine(settings.database_url.get_secret_value()))
        page = graphiql_routes(endpoint="/graphql", default_query=EXAMPLE_QUERY)
        made = create_app(settings, routes=page)
        run(
            made,
            listener,
            lambda: typer.echo(f"Listening on http://{at[0]}:{at[1]}/graphql"),
            stopping=made.state.streams.end,
        )


@app.command()
def worker(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port for its health; default: GATEWAY_WORKER_PORT; 0: none.")
    ] = None,
) -> None:
    """Carries out jobs and schedules beside any number of `gateway serve` and workers, over one PostgreSQL database."""
    with one_clear_line():
        import asyncio

        from gateway.config import load_settings
        from gateway.database import create_engine, upgrade
        from gateway.telemetry import configure_logging
        from gateway.worker import create_worker, run_alone

        settings = load_settings()
        configure_logging(settings.log_level)
        at = (settings.host, settings.worker_port if port is None else port)
        made = create_worker(settings)
        listener = listen(*at) if at[1] else None
        _now(upgrade, create_engine(settings.database_url.get_secret_value()))
        if listener is None:
            asyncio.run(run_alone(made, lambda: typer.echo("The worker is at work. Ctrl-C ends.")))
        else:
            run(made, listener, lambda: typer.echo(_at_work(*at)))


@app.command()
def sandbox(
    port: Port = 8001,
    folder: Folder = Path(".sandbox"),
    customers: Customers = 200,
    items: Items = 300,
    reset: Reset = False,
    tls: Annotated[bool, typer.Option("--tls", help="Serve https, with a self-signed certificate of its own.")] = False,
    certificate: Annotated[
        Path | None, typer.Option(help="Serve https with this certificate (PEM) instead; needs --key.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The private key of --certificate (PEM, no password).")] = None,
) -> None:
    """The simulators of Business Central and Dataverse, and the identity stand-in, without the gateway."""
    with one_clear_line():
        from gateway.sandbox.connection import BreakableProtocol
        from gateway.telemetry import configure_logging

        configure_logging("WARNING")
        given = _given(certificate, key)
        listener = listen("127.0.0.1", port)
        base = f"{'https' if tls or given else 'http'}://127.0.0.1:{port}"
        opened = sandbox_in(folder, base, customers=customers, items=items, reset=reset)
        with_tls = given or (_own_certificate(folder) if tls else None)
        try:
            run(
                opened.app(),
                listener,
                lambda: _introduce(opened, folder, with_tls),
                protocol=BreakableProtocol,
                tls=with_tls,
            )
        finally:
            opened.close()
    typer.echo("Stopped.")


def _at_work(host: str, port: int) -> str:
    return f"The worker is at work; http://{host}:{port}/health/ready tells how it is. Ctrl-C ends."


def _given(certificate: Path | None, key: Path | None) -> Tls | None:
    """The certificate a person brought along."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError("--certificate and --key belong together")
    tls = Tls(certificate, key)
    check(tls)
    return tls


def _own_certificate(folder: Path) -> Tls:
    from gateway.sandbox.certificate import self_signed

    try:
        return Tls(*self_signed(folder))
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot hold a certificate: {error.strerror}") from None


@app.command()
def schema(
    output: Annotated[Path | None, typer.Option(help="Write it to this file instead of standard output.")] = None,
    roles: Annotated[
        bool, typer.Option("--roles", help="Print who may see what instead, as docs/role-table.md has it.")
    ] = False,
) -> None:
    """Print the GraphQL schema (SDL), or who may see what of it."""
    from schema.role_table import print_roles
    from schema.root import build_schema, print_sdl

    text = print_roles(build_schema()._schema) if roles else print_sdl()
    if output is None:
        sys.stdout.write(text)
    else:
        with one_clear_line():
            try:
                output.write_text(text, encoding="utf-8")
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


def _introduce(opened: Any, folder: Path, tls: Tls | None) -> None:
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
        *(_trust(tls) if tls else ()),
        "",
        f"What was asked: {at.base}/sandbox/admin/requests. Ctrl-C ends.",
    ]
    typer.echo("\n".join(lines))


def _trust(tls: Tls) -> list[str]:
    """How clients come to trust a certificate that no authority signed."""
    file = tls.certificate.resolve()
    return [
        "",
        "A client has to trust the certificate, the gateway too:",
        "",
        f"export SSL_CERT_FILE={file}            # Python (httpx), OpenSSL, Go",
        f"export REQUESTS_CA_BUNDLE={file}       # Python (requests, msal)",
        f"export NODE_EXTRA_CA_CERTS={file}      # Node.js",
        f"curl --cacert {file} {{address}}",
    ]
