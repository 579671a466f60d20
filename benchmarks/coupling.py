"""What it costs to couple a whole company by match, through GraphQL: requests, time, memory, disk, by the number of customers.

    uv run python benchmarks/coupling.py [--sizes 10000,100000] [--folder /tmp/coupling]
        [--database-url postgresql+psycopg://postgres@127.0.0.1:5432/postgres]

No customer is coupled when it begins. A plan is made (`coupleByMatch`), what matched is accepted (`acceptMatchPlan`) and taken
back again (`undoMatchPlan`). Sandbox and gateway are processes of their own, the sandbox with its data in files and the limits
of the real services. Nothing is asserted: read the table. It needs Linux (`/proc`).

The gateway's own database is an SQLite file, or, with a URL, a new database of that PostgreSQL server for each size; both are
gone afterwards. In ``--folder`` the sandbox's data stays for the next run.
"""

import argparse
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import httpx
from pydantic import SecretStr
from sqlalchemy import create_engine, make_url, text
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.app import create_app
from gateway.backends import Networks
from gateway.clients.business_central import REQUESTS_IN_WINDOW as BUSINESS_CENTRAL_REQUESTS
from gateway.clients.dataverse import REQUESTS_IN_WINDOW as DATAVERSE_REQUESTS
from gateway.clients.dataverse import WORK_SECONDS_IN_WINDOW
from gateway.config import Settings
from gateway.database import synchronous_url
from gateway.demo_tokens import person_token
from gateway.jobs.database import jobs_database_url
from gateway.sandbox.app import Addresses
from gateway.sandbox.company.demo import demo_company
from gateway.sandbox.identity.people import GATEWAY_CLIENT_ID, GATEWAY_RESOURCE, TENANT_ID
from gateway.server import listen, run
from gateway.telemetry import configure_logging

SANDBOX = [sys.executable, "-c", "from gateway.cli import main; main()", "sandbox"]
READY = "Ctrl-C ends."
POLL_SECONDS = 0.25
TENTHS = 10
"""Of a job's pages the first tenth and the last are compared."""

KINDS = {"acceptance": "accept-matches", "undoing": "undo-matches"}
"""The jobs' names."""

BC, CRM = "business_central", "dataverse"

COUNTS = "counts { matched likely ambiguous contested taken none open accepted refused undone }"
PAYLOAD = "{ ... on MatchPlanSuccess { plan { id } } ... on UserError { code message hint } }"
MAKE = f"mutation {{ coupleByMatch(input: {{mapping: CUSTOMER}}) {PAYLOAD} }}"
ACCEPT = f"mutation ($id: UUID!) {{ acceptMatchPlan(input: {{planId: $id, matched: true}}) {PAYLOAD} }}"
UNDO = f"mutation ($id: UUID!) {{ undoMatchPlan(planId: $id) {PAYLOAD} }}"
LOOK = "query ($id: UUID!) { matchPlan(id: $id) { state code message proposals(first: 1) { nodes { number } } } }"
COUNT = f"query ($id: UUID!) {{ matchPlan(id: $id) {{ {COUNTS} }} }}"


@dataclass
class Spent:
    """What went to a backend: requests, operations (those of a batch one by one), answers 429, seconds it took to answer."""

    requests: int = 0
    operations: int = 0
    refused: int = 0
    seconds: float = 0.0
    answered_at: float = 0.0

    def since(self, before: "Spent") -> "Spent":
        return Spent(
            self.requests - before.requests,
            self.operations - before.operations,
            self.refused - before.refused,
            self.seconds - before.seconds,
            self.answered_at,
        )


class Counting(httpx.AsyncBaseTransport):
    """The network to a backend, and what went over it."""

    def __init__(self) -> None:
        self.spent = Spent()
        self._network = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=48, keepalive_expiry=60))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        begun = time.time()
        response = await self._network.handle_async_request(request)
        await response.aread()
        spent = self.spent
        spent.answered_at = time.time()
        spent.seconds += spent.answered_at - begun
        spent.requests += 1
        spent.operations += int(request.extensions.get("operations", 1))
        spent.refused += response.status_code == 429
        return response

    async def aclose(self) -> None:
        await self._network.aclose()


def serve(sandbox: str, customers: int, secret: str, database_url: str, port: int, ready: Event) -> None:
    """The gateway, in a process of its own. ``/spent`` tells what went to the backends, and what a job came to."""
    configure_logging("WARNING")
    ways = {BC: Counting(), CRM: Counting()}
    company = demo_company(customers=customers)
    addresses = Addresses(sandbox, company)
    settings = Settings(
        tenant_id=TENANT_ID,
        client_id=GATEWAY_CLIENT_ID,
        client_secret=SecretStr(secret),
        authority=addresses.authority,
        audience=GATEWAY_RESOURCE,
        business_central_url=addresses.business_central,
        company_id=UUID(company.company_id),
        dataverse_url=addresses.dataverse,
        database_url=SecretStr(database_url),
    )

    async def spent(request: Request) -> JSONResponse:
        jobs = request.app.state.running.services.jobs
        status = await jobs.wait(job) if (job := request.query_params.get("job")) else None
        told = {name: asdict(way.spent) for name, way in ways.items()}
        return JSONResponse({"backends": told, "result": status.result if status else None})

    app = create_app(settings, networks=Networks(ways[BC], ways[CRM]), routes=[Route("/spent", spent)])
    run(app, listen("127.0.0.1", port), ready.set)


class Gateway:
    """The running gateway, entered as callers enter it."""

    def __init__(self, base: str, sandbox: str, pid: int) -> None:
        self._http = httpx.Client(base_url=base, timeout=60)
        self._sandbox = sandbox
        self.pid = pid

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token()}"}
        answer = self._http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        body: dict[str, Any] = answer.json()
        assert "errors" not in body, body["errors"]
        (found,) = body["data"].values()
        return dict(found)

    def spent(self) -> dict[str, Spent]:
        told = self._http.get("/spent").raise_for_status().json()
        return {name: Spent(**values) for name, values in told["backends"].items()}

    def result(self, job: str) -> Mapping[str, int]:
        result: Mapping[str, int] = self._http.get("/spent", params={"job": job}).raise_for_status().json()["result"]
        return result

    def _token(self) -> str:
        """Asked for again before it ends: the largest size may take longer than it lasts."""
        if time.time() - getattr(self, "_since", float("-inf")) > 1_800:
            self._since, self._bearer = time.time(), person_token(self._sandbox, "admin")
        return self._bearer


class Clock:
    """How much processor time a process had spent at which moment."""

    def __init__(self, pid: int) -> None:
        self._file = Path(f"/proc/{pid}/stat")
        self._moments: list[float] = []
        self._spent: list[float] = []

    def look(self) -> float:
        """Returns the moment."""
        fields = self._file.read_text(encoding="utf-8").rpartition(")")[2].split()
        self._moments.append(time.time())
        self._spent.append(
            (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        )  # Source: proc(5), utime, stime
        return self._moments[-1]

    def between(self, begun: float, ended: float) -> "Taken":
        return Taken(ended - begun, self._at(ended) - self._at(begun))

    def _at(self, moment: float) -> float:
        """Between two looks it goes evenly."""
        later = min(max(bisect_left(self._moments, moment), 1), len(self._moments) - 1)
        (before, after), (low, high) = self._moments[later - 1 : later + 1], self._spent[later - 1 : later + 1]
        return low + (high - low) * min(max((moment - before) / (after - before), 0), 1)


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds, and the gateway's own processor time in them: of the two the one that others on the machine change less."""

    seconds: float
    processor: float

    def each(self, count: int) -> "Taken":
        return Taken(self.seconds / count, self.processor / count)


@dataclass(slots=True)
class Phase:
    """Making, accepting or undoing."""

    taken: Taken
    spent: Mapping[str, Spent]
    peak_mib: float


@dataclass(slots=True)
class Measured:
    customers: int
    idle_mib: float
    read: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    afterwards: Mapping[str, int] = field(default_factory=dict)
    steps: Mapping[str, Taken] = field(default_factory=dict)
    phases: dict[str, Phase] = field(default_factory=dict)
    pages: dict[str, tuple[Taken, Taken]] = field(default_factory=dict)
    disk: dict[str, tuple[float, float]] = field(default_factory=dict)
    rows_of_jobs: int = 0


@contextmanager
def sandbox(customers: int, folder: Path) -> Iterator[str]:
    """A running sandbox; its address."""
    port = free_port()
    command = [*SANDBOX, "--port", str(port), "--folder", str(folder), "--customers", str(customers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    assert process.stdout is not None
    try:
        if not any(READY in line for line in process.stdout):
            raise RuntimeError(f"the sandbox with {customers} customers did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        process.stdout.close()


@contextmanager
def gateway(customers: int, sandbox: str, folder: Path, database_url: str) -> Iterator[Gateway]:
    context = multiprocessing.get_context("spawn")
    ready, port = context.Event(), free_port()
    secret = (folder / "identity" / "gateway-client-secret").read_text(encoding="utf-8")
    process = context.Process(target=serve, args=(sandbox, customers, secret, database_url, port, ready))
    process.start()
    try:
        if not ready.wait(60) or process.pid is None:
            raise RuntimeError("the gateway did not start")
        yield Gateway(f"http://127.0.0.1:{port}", sandbox, process.pid)
    finally:
        process.terminate()
        process.join()


@contextmanager
def database(customers: int, server: str | None) -> Iterator[str]:
    """The URL of an empty database."""
    if server is None:
        with TemporaryDirectory(prefix="coupling-") as folder:
            yield f"sqlite+aiosqlite:///{Path(folder) / 'gateway.db'}"
        return
    name, url = f"coupling_{customers}_{free_port()}", make_url(server)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def peak(pid: int) -> float:
    """The most memory a process has had since it was asked last, in MiB. Linux only."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.MULTILINE)
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="utf-8")  # Source: proc(5)
    return int(found[1]) / 1024 if found else 0.0


def carry_out(at: Gateway, clock: Clock, mutation: str, plan: str = "") -> tuple[Phase, str, Mapping[str, Taken]]:
    """One mutation until its job has ended: what it cost, the plan, and the steps of making one."""
    before, begun = at.spent(), clock.look()
    peak(at.pid)
    answered = at.ask(mutation, **({"id": plan} if plan else {}))
    assert "plan" in answered, answered
    plan, proposed = answered["plan"]["id"], 0.0
    while True:
        seen, moment = at.ask(LOOK, id=plan), clock.look()
        if seen["proposals"]["nodes"] and not proposed:
            proposed = moment
        if seen["state"] in ("READY", "FAILED"):
            break
        time.sleep(POLL_SECONDS)
    assert seen["code"] is None, seen
    spent = {name: each.since(before[name]) for name, each in at.spent().items()}
    read = max(each.answered_at for each in spent.values())
    steps = {"reading": (begun, read), "judging": (read, proposed), "saving": (proposed, moment)}
    phase = Phase(clock.between(begun, moment), spent, peak(at.pid))
    return phase, plan, {name: clock.between(*each) for name, each in steps.items()}


def measure(customers: int, folder: Path, server: str | None) -> Measured:
    """Plan, accept, undo, over an empty database."""
    with ExitStack() as stack:
        backends = stack.enter_context(sandbox(customers, folder))
        url = stack.enter_context(database(customers, server))
        at = stack.enter_context(gateway(customers, backends, folder, url))
        clock = Clock(at.pid)
        result = Measured(customers, peak(at.pid))
        result.phases["plan"], plan, result.steps = carry_out(at, clock, MAKE)
        result.read, result.counts = at.result(f"match-{plan}"), at.ask(COUNT, id=plan)["counts"]
        result.disk["plan"] = sizes(url)
        for name, mutation in (("acceptance", ACCEPT), ("undoing", UNDO)):
            result.phases[name], _, _ = carry_out(at, clock, mutation, plan)
            result.disk[name] = sizes(url)
            result.pages[name] = pages(url, KINDS[name], clock)
            if name == "acceptance":
                result.afterwards = at.ask(COUNT, id=plan)["counts"]
        result.rows_of_jobs = rows_of_jobs(url)
    return result


# What follows looks into the databases. The tables of jobs are those of the engine, DBOS.


def asked(url: str, statement: str, **values: object) -> list[Any]:
    engine = create_engine(synchronous_url(url))
    try:
        with engine.connect() as connection:
            return list(connection.execute(text(statement), values))
    finally:
        engine.dispose()


def of_jobs(url: str, table: str) -> str:
    return table if url.startswith("sqlite") else f"dbos.{table}"


def sizes(url: str) -> tuple[float, float]:
    """MiB of our own tables, with their log, and of those of the jobs."""
    if url.startswith("sqlite"):
        files = [str(make_url(each).database) for each in (url, jobs_database_url(url))]
        own, jobs = (sum(each.stat().st_size for each in Path(one).parent.glob(f"{Path(one).name}*")) for one in files)
        return own / 2**20, jobs / 2**20
    found = asked(
        url,
        "SELECT n.nspname, sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'r' AND n.nspname IN ('public', 'dbos') GROUP BY 1",
    )
    by_schema = {name: float(size) / 2**20 for name, size in found}
    return by_schema["public"], by_schema["dbos"]


def pages(url: str, kind: str, clock: Clock) -> tuple[Taken, Taken]:
    """What a page of a job took, among the first tenth of them and among the last."""
    table = of_jobs(url, "operation_outputs")
    rows = asked(
        jobs_database_url(url),
        f"SELECT started_at_epoch_ms FROM {table} WHERE workflow_uuid LIKE :job AND function_name = 'page' "  # noqa: S608
        "ORDER BY function_id",
        job=f"{kind}-%",
    )
    begun = [float(row[0]) / 1000 for row in rows]
    some = max(len(begun) // TENTHS, 1)
    return clock.between(begun[0], begun[some]).each(some), clock.between(begun[-1 - some], begun[-1]).each(some)


def rows_of_jobs(url: str) -> int:
    tables = ("operation_outputs", "workflow_events_history")
    jobs = jobs_database_url(url)
    return sum(int(asked(jobs, f"SELECT count(*) FROM {of_jobs(jobs, each)}")[0][0]) for each in tables)  # noqa: S608


# What is told.


def cells(values: Sequence[float], form: str) -> list[str]:
    """The figures, all but the first with their ratio to it."""
    first = values[0]
    rest = [f"{each:{form}}" + (f" (x{each / first:.1f})" if first else "") for each in values[1:]]
    return [f"{first:{form}}", *rest]


def table(results: list[Measured]) -> str:
    """A row for each figure, a column for each size."""
    rows = [["", *(f"{one.customers:,} customers" for one in results)], ["---"] * (len(results) + 1)]

    def add(name: str, values: Sequence[float], form: str = ",.0f") -> None:
        rows.append([name, *cells(values, form)])

    def add_taken(name: str, taken: Sequence[Taken], unit: str, by: int) -> None:
        form = ",.1f" if by == 1 else ",.0f"
        add(f"{name}, {unit}", [each.seconds * by for each in taken], form)
        add(f"{name}, {unit} of the gateway's processor", [each.processor * by for each in taken], form)

    add("customers read", [one.read["sources"] for one in results])
    add("accounts read", [one.read["targets"] for one in results])
    for name in ("matched", "likely", "ambiguous", "contested", "taken", "none"):
        add(f"verdict {name}", [one.counts[name] for one in results])
    for name in ("accepted", "refused"):
        add(name, [one.afterwards[name] for one in results])
    for phase in ("plan", "acceptance", "undoing"):
        for backend, label in ((BC, "BC"), (CRM, "Dataverse")):
            spent = [one.phases[phase].spent[backend] for one in results]
            add(f"{phase}: {label} requests", [each.requests for each in spent])
            if any(each.operations != each.requests for each in spent):
                add(f"{phase}: {label} requests, those in batches one by one", [each.operations for each in spent])
    add("plan: requests for 1,000 records read", [per_thousand(one, "plan") for one in results], ",.2f")
    add("acceptance: requests for 1,000 couplings", [per_thousand(one, "acceptance") for one in results], ",.2f")
    for name in ("reading", "judging", "saving"):
        add_taken(name, [one.steps[name] for one in results], "s", 1)
    for phase in ("acceptance", "undoing"):
        add_taken(phase, [one.phases[phase].taken for one in results], "s", 1)
        add_taken(f"{phase}: a page of the first tenth", [one.pages[phase][0] for one in results], "ms", 1000)
        add_taken(f"{phase}: a page of the last tenth", [one.pages[phase][1] for one in results], "ms", 1000)
    add("memory before, MiB", [one.idle_mib for one in results])
    for phase in ("plan", "acceptance", "undoing"):
        add(f"peak memory, {phase}, MiB", [one.phases[phase].peak_mib for one in results])
    for phase in ("plan", "acceptance", "undoing"):
        add(f"database after {phase}, MiB", [one.disk[phase][0] for one in results], ",.1f")
        add(f"jobs' database after {phase}, MiB", [one.disk[phase][1] for one in results], ",.1f")
    add("rows of jobs", [one.rows_of_jobs for one in results])
    add("refused with 429", [sum(s.refused for p in one.phases.values() for s in p.spent.values()) for one in results])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def per_thousand(one: Measured, phase: str) -> float:
    records = one.read["sources"] + one.read["targets"] if phase == "plan" else one.afterwards["accepted"]
    return sum(each.operations for each in one.phases[phase].spent.values()) * 1000 / records


def allowances(results: list[Measured]) -> str:
    """What the counted requests are of what both services allow in five minutes. Computed; nothing was measured there."""
    rows = [["computed", *(f"{one.customers:,} customers" for one in results)], ["---"] * (len(results) + 1)]
    for phase in ("plan", "acceptance"):
        bc = [one.phases[phase].spent[BC].operations / BUSINESS_CENTRAL_REQUESTS for one in results]
        crm = [one.phases[phase].spent[CRM].requests for one in results]
        rows.append([f"{phase}: of BC's 6,000 requests in 5 minutes", *(f"{each:.1%}" for each in bc)])
        rows.append(
            [f"{phase}: of Dataverse's 6,000 requests in 5 minutes", *(f"{n / DATAVERSE_REQUESTS:.1%}" for n in crm)]
        )
        rows.append(
            [
                f"{phase}: s a request may work before Dataverse's 1,200 s are gone",
                *(f"{WORK_SECONDS_IN_WINDOW / each:.1f}" for each in crm),
            ]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000", help="numbers of customers, separated by commas")
    parser.add_argument("--folder", type=Path, help="where the sandbox's data stays for the next run")
    parser.add_argument("--database-url", help="of a PostgreSQL server, by a user who may create databases")
    given = parser.parse_args()
    results: list[Measured] = []
    with TemporaryDirectory(prefix="coupling-") as temporary:
        for customers in map(int, given.sizes.split(",")):
            folder = (given.folder or Path(temporary)) / str(customers)
            results.append(measure(customers, folder, given.database_url))
            print(table(results), allowances(results), sep="\n\n", end="\n\n", flush=True)


if __name__ == "__main__":
    main()
