"""What it costs to synchronize what changed, by how much did: requests, time, memory, in both directions.

    uv run python benchmarks/synchronization.py [--customers 126000] [--changes 1,10000,100000] [--folder /tmp/synchronization]
        [--database-url postgresql+psycopg://postgres@127.0.0.1:5432/postgres]

A company of so many customers, four of five of them coupled. The first run looks at everything. Then, for each number of changes,
the telephone numbers of so many accounts are changed in CRM, a dry run plans what is to be done about it, and a run over what
changed (`synchronizeModified`) takes them to Business Central; then the same the other way round. Sandbox and gateway are
processes of their own, the sandbox with its data in files and without limits: what the limits of the real services mean is
computed from the counted requests. Nothing is asserted but that every change was planned, and arrived: read the table. It needs
Linux (`/proc`).

In ``--folder`` the sandbox's data stays for the next run.
"""

import argparse
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import httpx
from coupling import BC, CRM, Clock, Counting, Gateway, Spent, Taken, database, free_port, peak, sandbox, sizes
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.app import create_app
from gateway.backends import Networks
from gateway.clients.business_central import REQUESTS_IN_WINDOW, WINDOW_SECONDS
from gateway.clients.dataverse import WORK_SECONDS_IN_WINDOW
from gateway.config import Settings
from gateway.couplings.store import CouplingStore
from gateway.demo import seed_couplings
from gateway.demo_tokens import application_token
from gateway.jobs.engine import Pace
from gateway.sandbox.app import Addresses
from gateway.sandbox.company import story
from gateway.sandbox.company.demo import demo_company
from gateway.sandbox.identity.people import GATEWAY_CLIENT_ID, GATEWAY_RESOURCE, TENANT_ID
from gateway.server import listen, run
from gateway.telemetry import configure_logging

POLL_SECONDS = 0.25
IN_A_MESSAGE, IN_A_BATCH = 500, 100
"""Rows that are changed beforehand in one request."""

RUN = """
mutation ($dry: Boolean!) { synchronizeModified(input: {mapping: CUSTOMER, dryRun: $dry}) {
  ... on SynchronizationStarted { job { id } } ... on UserError { message }
} }
"""
LOOK = """
query ($id: ID!) { synchronizationJob(id: $id) {
  status code message counters { modified unchanged skipped failed }
  toBusinessCentral { modified } toDataverse { modified }
} }
"""
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


class CountingByKind(Counting):
    """Which requests went over it, by method and set."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: Counter[str] = Counter()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        self.kinds[f"{request.method} {request.url.path.rpartition('/')[2].partition('(')[0]}"] += 1
        return response


def serve(sandbox: str, customers: int, secret: str, database_url: str, port: int, ready: Event) -> None:
    """The gateway, in a process of its own, where nothing begins by itself. ``/spent`` tells what went to the backends."""
    configure_logging("WARNING")
    ways = {BC: CountingByKind(), CRM: CountingByKind()}
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
        webhooks=False,
    )

    async def spent(_: Request) -> JSONResponse:
        return JSONResponse({name: {"spent": asdict(way.spent), "kinds": way.kinds} for name, way in ways.items()})

    async def prepare(store: CouplingStore) -> None:
        await seed_couplings(store, company)

    app = create_app(
        settings,
        networks=Networks(ways[BC], ways[CRM]),
        routes=[Route("/spent", spent)],
        prepare=prepare,
        alone=True,
        pace=Pace(schedules_seconds=None),
    )
    run(app, listen("127.0.0.1", port), ready.set)


@contextmanager
def gateway(customers: int, sandbox: str, folder: Path, database_url: str) -> Iterator["Synchronizing"]:
    context = multiprocessing.get_context("spawn")
    ready, port = context.Event(), free_port()
    secret = (folder / "identity" / "gateway-client-secret").read_text(encoding="utf-8")
    process = context.Process(target=serve, args=(sandbox, customers, secret, database_url, port, ready))
    process.start()
    try:
        if not ready.wait(1_800) or process.pid is None:
            raise RuntimeError("the gateway did not start")
        yield Synchronizing(f"http://127.0.0.1:{port}", sandbox, process.pid)
    finally:
        process.terminate()
        process.join()


class Synchronizing(Gateway):
    def costs(self) -> tuple[dict[str, Spent], dict[str, Counter[str]]]:
        told = self._http.get("/spent").raise_for_status().json()
        return (
            {name: Spent(**each["spent"]) for name, each in told.items()},
            {name: Counter(each["kinds"]) for name, each in told.items()},
        )


@dataclass(frozen=True, slots=True)
class Phase:
    """A run: how many records it changed, and what it cost."""

    name: str
    changes: int
    counters: Mapping[str, int]
    taken: Taken
    spent: Mapping[str, Spent]
    kinds: Mapping[str, Counter[str]]
    peak_mib: float
    disk: tuple[float, float]

    def requests(self, backend: str) -> int:
        """As the service counts them: Business Central each operation of a batch, Dataverse the batch as one."""
        return self.spent[backend].operations if backend == BC else self.spent[backend].requests


@dataclass(frozen=True, slots=True)
class People:
    """Who changes records beforehand, in either system."""

    sandbox: str
    folder: Path
    customers: int
    pairs: Sequence[tuple[str, str]] = field(default_factory=tuple)
    """The ids of customers and their accounts."""

    def change(self, where: str, count: int, round: int) -> None:
        if where == CRM:
            self._in_dataverse(self.pairs[:count], round)
        else:
            self._in_business_central(self.pairs[:count], round)

    def _in_dataverse(self, pairs: Sequence[tuple[str, str]], round: int) -> None:
        http = self._http("dataverse", Addresses(self.sandbox, demo_company()).dataverse + "/api/data/v9.2/")
        kind = "Microsoft.Dynamics.CRM.account"
        for some in parts(pairs, IN_A_MESSAGE):
            targets = [
                {"@odata.type": kind, "accountid": account, "telephone1": _phone(round, n)} for n, (_, account) in some
            ]
            http.post("accounts/Microsoft.Dynamics.CRM.UpdateMultiple", json={"Targets": targets}).raise_for_status()

    def _in_business_central(self, pairs: Sequence[tuple[str, str]], round: int) -> None:
        company = demo_company()
        http = self._http("business-central", Addresses(self.sandbox, company).business_central + "/")
        for some in parts(pairs, IN_A_BATCH):
            requests = [
                {
                    "id": str(n),
                    "method": "PATCH",
                    "url": f"companies({company.company_id})/customers({customer})",
                    "headers": {"Content-Type": "application/json", "If-Match": "*"},
                    "body": {"phoneNumber": _phone(round, n)},
                }
                for n, (customer, _) in some
            ]
            answers = http.post("$batch", json={"requests": requests}).raise_for_status().json()["responses"]
            assert all(each["status"] == 200 for each in answers), answers[0]

    def _http(self, resource: str, base: str) -> httpx.Client:
        token = application_token(self.sandbox, resource, self.folder)
        return httpx.Client(
            base_url=base, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"}, timeout=600
        )


def parts(pairs: Sequence[tuple[str, str]], most: int) -> Iterator[list[tuple[int, tuple[str, str]]]]:
    """So many at a time, each with its place."""
    for start in range(0, len(pairs), most):
        yield list(enumerate(pairs[start : start + most], start))


STAMP = int(time.time()) % 100_000
"""So that what is changed is never what an earlier benchmark over the same folder left."""


def _phone(round: int, number: int) -> str:
    return f"+{STAMP:05d} {round:02d} {number:07d}"


def ordinary_pairs(customers: int) -> Iterator[tuple[str, str]]:
    """Coupled customers that tell no story of their own."""
    told = {each for each in vars(story).values() if isinstance(each, str)}
    for each in demo_company(customers=customers).couplings():
        if each.mapping == "CUSTOMER" and each.bc_natural_key not in told and not each.error_code:
            yield each.bc_id, each.crm_id


def carry_out(at: Synchronizing, clock: Clock, name: str, changes: int, url: str, *, dry: bool = False) -> Phase:
    """One run until its end."""
    (spent_before, kinds_before), begun = at.costs(), clock.look()
    peak(at.pid)
    job = at.ask(RUN, dry=dry)["job"]["id"]
    while True:
        seen, moment = at.ask(LOOK, id=job), clock.look()
        if seen["status"] in ENDED:
            break
        time.sleep(POLL_SECONDS)
    assert seen["status"] == "SUCCEEDED", seen
    spent, kinds = at.costs()
    return Phase(
        name,
        changes,
        seen["counters"],
        clock.between(begun, moment),
        {each: spent[each].since(spent_before[each]) for each in spent},
        {each: kinds[each] - kinds_before[each] for each in kinds},
        peak(at.pid),
        sizes(url),
    )


def measure(customers: int, changes: Sequence[int], folder: Path, server: str | None) -> Iterator[Phase]:
    """Both directions for each number of changes, over a company that was looked at once."""
    with ExitStack() as stack:
        backends = stack.enter_context(sandbox(customers, folder))
        unlimited = {name: {"enabled": False} for name in ("business-central", "dataverse")}
        httpx.put(f"{backends}/sandbox/admin/throttling", json=unlimited).raise_for_status()
        url = stack.enter_context(database(customers, server))
        at = stack.enter_context(gateway(customers, backends, folder, url))
        clock = Clock(at.pid)
        people = People(backends, folder, customers, list(islice(ordinary_pairs(customers), max(changes))))
        assert len(people.pairs) == max(changes), f"only {len(people.pairs)} are coupled"
        yield carry_out(at, clock, "first run", 0, url)
        yield carry_out(at, clock, "nothing changed", 0, url)
        for round, count in enumerate(changes):
            for number, (where, name) in enumerate(((CRM, "CRM to BC"), (BC, "BC to CRM"))):
                people.change(where, count, 2 * round + number)
                for dry in (True, False):
                    phase = carry_out(at, clock, f"plan of {name}" if dry else name, count, url, dry=dry)
                    assert phase.counters["modified"] == count, phase.counters
                    yield phase


def told(phase: Phase) -> str:
    """A row of the table."""
    records = phase.changes or sum(phase.counters.values())
    bc, crm = phase.spent[BC], phase.spent[CRM]
    cells = [
        phase.name,
        f"{records:,}",
        f"{bc.requests:,}",
        f"{bc.operations:,}",
        f"{crm.requests:,}",
        f"{(bc.requests + crm.requests) * 1000 / max(records, 1):.1f}",
        f"{phase.taken.seconds:.1f}",
        f"{phase.taken.processor:.1f}",
        f"{records / phase.taken.seconds:,.0f}",
        f"{phase.peak_mib:.0f}",
        f"{phase.disk[0]:.0f}",
        f"{least_seconds(phase):,.0f}",
        f"{WORK_SECONDS_IN_WINDOW * max(1.0, least_seconds(phase) / WINDOW_SECONDS) / max(crm.requests, 1):.1f}",
    ]
    return f"| {' | '.join(cells)} |"


HEAD = (
    "run",
    "records",
    "BC requests",
    "BC operations",
    "Dataverse requests",
    "requests for 1,000",
    "seconds",
    "processor, s",
    "records/s",
    "peak, MiB",
    "database, MiB",
    "least s by the limits",
    "s a Dataverse request may work",
)


def least_seconds(phase: Phase) -> float:
    """How long the counted requests take at least where 6,000 are allowed in five minutes: the first ones go at once.

    Computed; nothing was measured at the services.
    """
    return max(max(0, phase.requests(each) - 1) // REQUESTS_IN_WINDOW * WINDOW_SECONDS for each in (BC, CRM))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=126_000)
    parser.add_argument("--changes", default="1,10000,100000", help="numbers of changed records, separated by commas")
    parser.add_argument("--folder", type=Path, help="where the sandbox's data stays for the next run")
    parser.add_argument("--database-url", help="of a PostgreSQL server, by a user who may create databases")
    parser.add_argument("--kinds", action="store_true", help="also which requests they were")
    given = parser.parse_args()
    changes = list(map(int, given.changes.split(",")))
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}", flush=True)
    with TemporaryDirectory(prefix="synchronization-") as temporary:
        folder = (given.folder or Path(temporary)) / str(given.customers)
        for phase in measure(given.customers, changes, folder, given.database_url):
            print(told(phase), flush=True)
            if given.kinds:
                print(*(f"    {name}: {dict(kinds)}" for name, kinds in phase.kinds.items()), sep="\n", flush=True)


if __name__ == "__main__":
    main()
