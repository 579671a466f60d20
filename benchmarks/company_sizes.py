"""How the sandbox fares with the size of its company: seeding, restarting, memory, and what a reader waits.

    uv run python benchmarks/company_sizes.py 200 10000 100000 1000000 --folder /tmp/sizes

Each size runs in a server process of its own, as `gateway sandbox` starts it. Latencies are medians over HTTP on
loopback; the ratio is to the first size. Nothing is asserted: read the table.
"""

import argparse
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from gateway.demo_tokens import application_token
from gateway.sandbox.company.customers import customer
from gateway.sandbox.company.demo import demo_company

SERVER = [sys.executable, "-c", "from gateway.cli import main; main()", "sandbox"]
READY = "Ctrl-C ends."
PAGE = {"Prefer": "odata.maxpagesize=100"}
REPEATS = 7
_GUID = re.compile(r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}")


@dataclass(slots=True)
class Measured:
    """Seconds, mebibytes, and milliseconds by query."""

    customers: int
    seeding: float = 0.0
    seeding_peak: float = 0.0
    restart: float = 0.0
    serving: float = 0.0
    serving_peak: float = 0.0
    disk: float = 0.0
    latencies: dict[str, float] = field(default_factory=dict)


@contextmanager
def server(customers: int, folder: Path, port: int) -> Iterator[tuple[int, float]]:
    """A running sandbox: its process id, and the seconds until it was ready."""
    command = [*SERVER, "--port", str(port), "--folder", str(folder), "--customers", str(customers)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    assert process.stdout is not None
    try:
        if not any(READY in line for line in process.stdout):
            raise RuntimeError(f"the sandbox with {customers} customers did not start")
        yield process.pid, time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        process.stdout.close()


def memory(pid: int, name: str) -> float:
    """VmRSS or VmHWM of a process, in MiB. Linux only."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def answer(client: httpx.Client, address: str) -> httpx.Response:
    return client.get(address).raise_for_status()


def median(ask: Callable[[], object]) -> float:
    """Milliseconds of the middle one of some runs, after one that does not count."""
    ask()
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        ask()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def questions(base: str, folder: Path, customers: int) -> Mapping[str, tuple[httpx.Client, str]]:
    """What a reader asks: the client, and the address."""
    company = demo_company(customers=customers)
    middle = customer(customers // 2 + 1 if (customers // 2) % 5 == 0 else customers // 2)

    def client(resource: str, address: str) -> httpx.Client:
        token = application_token(base, resource, folder)
        return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}", **PAGE}, timeout=600)

    root = f"{base}/sandbox/bc/v2.0/{company.tenant_id}/{company.environment}/api/v2.0"
    central = client("business-central", f"{root}/companies({company.company_id})/")
    dataverse = client("dataverse", f"{base}/sandbox/dataverse/api/data/v9.2/")
    second = dataverse.get("accounts?$select=name").raise_for_status().json()["@odata.nextLink"]
    later = _GUID.sub(middle.account_id.upper(), second)
    return {
        "BC first page": (central, "customers"),
        "BC page in the middle": (central, f"customers?aid=FIN&$skiptoken={middle.id}"),
        "BC filter by number": (central, f"customers?$filter=number eq '{middle.number}'"),
        "BC filter by name contains": (central, "customers?$filter=contains(displayName,'Harbour')"),
        "BC count": (central, "customers/$count"),
        "Dataverse first page": (dataverse, "accounts?$select=name"),
        "Dataverse page in the middle": (dataverse, later),
        "Dataverse filter by number": (dataverse, f"accounts?$select=name&$filter=accountnumber eq '{middle.number}'"),
        "Dataverse filter by name contains": (dataverse, "accounts?$select=name&$filter=contains(name,'Harbour')"),
        "Dataverse count": (dataverse, "accounts/$count"),
    }


def measure(customers: int, folder: Path, port: int) -> Measured:
    """Seed, stop, start again, ask."""
    shutil.rmtree(folder, ignore_errors=True)
    result = Measured(customers)
    with server(customers, folder, port) as (pid, result.seeding):
        result.seeding_peak = memory(pid, "VmHWM")
    result.disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20
    with server(customers, folder, port) as (pid, result.restart):
        result.serving = memory(pid, "VmRSS")
        for name, (client, address) in questions(f"http://127.0.0.1:{port}", folder, customers).items():
            result.latencies[name] = median(partial(answer, client, address))
        result.serving_peak = memory(pid, "VmHWM")
    return result


def table(results: list[Measured]) -> str:
    """A row for each figure, a column for each size."""
    rows = [
        ["", *(f"{one.customers:,} customers" for one in results)],
        ["---"] * (len(results) + 1),
        ["seeding, s", *(f"{one.seeding:,.1f}" for one in results)],
        ["restart, s", *(f"{one.restart:,.1f}" for one in results)],
        ["peak memory seeding, MiB", *(f"{one.seeding_peak:,.0f}" for one in results)],
        ["memory after restart, MiB", *(f"{one.serving:,.0f}" for one in results)],
        ["peak memory serving, MiB", *(f"{one.serving_peak:,.0f}" for one in results)],
        ["on disk, MiB", *(f"{one.disk:,.0f}" for one in results)],
    ]
    for name, first in results[0].latencies.items():
        rows.append(
            [f"{name}, ms", *(f"{t:,.1f} (x{t / first:.1f})" for t in (one.latencies[name] for one in results))]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("customers", type=int, nargs="+")
    parser.add_argument("--folder", type=Path, required=True, help="for the data; each size's is removed afterwards")
    parser.add_argument("--port", type=int, default=8099)
    arguments = parser.parse_args()
    results: list[Measured] = []
    for customers in arguments.customers:
        folder = arguments.folder / str(customers)
        results.append(measure(customers, folder, arguments.port))
        shutil.rmtree(folder, ignore_errors=True)
        print(table(results), flush=True)


if __name__ == "__main__":
    main()
