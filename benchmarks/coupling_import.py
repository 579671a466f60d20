"""What importing couplings from a file costs: time, memory of the command, and requests at both backends.

    uv run python benchmarks/coupling_import.py [--sizes 10000 100000] [--folder /tmp/coupling-import]

`gateway couplings import` in a process of its own, over a demo that has as many customers as the largest file has rows. The file
holds couplings of customers and of contacts, in the order of an export. Each size is a dry run into an empty table first, then an
import, then the same import again. The folder keeps the demo, which takes minutes to make for 100,000 customers.
"""

import argparse
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import httpx

COMMAND = [sys.executable, "-c", "from gateway.cli import main; main()"]
READY = "Ctrl-C ends."


@dataclass(frozen=True, slots=True)
class Figures:
    rows: int
    what: str
    seconds: float
    memory_mib: float
    requests: int
    told: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def demo(folder: Path, customers: int, port: int) -> Iterator[None]:
    """The demo while it runs."""
    options = ["--folder", str(folder), "--customers", str(customers), "--port", str(port)]
    process = subprocess.Popen([*COMMAND, "demo", *options], stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    assert process.stdout is not None
    try:
        if not any(READY in line for line in process.stdout):
            raise RuntimeError("the demo did not start")
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def command(*arguments: str) -> tuple[float, float, str]:
    """Seconds, peak memory in MiB, and the last line the command said."""
    started = time.perf_counter()
    process = subprocess.Popen([*COMMAND, "couplings", *arguments], stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own
    assert process.stderr is not None
    said = process.stderr.read().splitlines()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # waited for already
    return time.perf_counter() - started, usage.ru_maxrss / 1024, said[-1]


def emptied(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "gateway.db")) as database, database:
        database.execute("DELETE FROM couplings")
        database.execute("DELETE FROM coupling_history")


def measured(folder: Path, url: str, file: Path, rows: int) -> Iterator[Figures]:
    options = ("--demo", str(folder), "--url", url)
    for what, further in (("dry run", ("--dry-run",)), ("import", ()), ("again", ())):
        if what != "again":
            emptied(folder)
        before = asked(url)
        seconds, memory, told = command("import", str(file), *options, *further)
        yield Figures(rows, what, seconds, memory, asked(url) - before, told)


def asked(url: str) -> int:
    """Requests that both simulators have had so far."""
    loads = httpx.get(f"{url}/sandbox/admin/requests", params={"limit": 1}).json()["backends"]
    return sum(int(loads[name]["requests"]) for name in ("business-central", "dataverse"))


def first_rows(whole: Path, count: int) -> Path:
    """The header and so many rows of a file whose rows have a line each."""
    part = whole.with_name(f"{count}.csv")
    with whole.open(encoding="utf-8", newline="") as source, part.open("w", encoding="utf-8", newline="") as target:
        target.writelines(islice(source, count + 1))
    return part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--folder", type=Path, default=Path("/tmp/coupling-import"))  # noqa: S108 - a benchmark's
    arguments = parser.parse_args()
    folder, port = arguments.folder, free_port()
    url = f"http://127.0.0.1:{port}"
    with demo(folder, max(arguments.sizes), port):
        whole = folder / "couplings.csv"
        if not whole.exists():
            print(command("export", str(whole), "--demo", str(folder), "--url", url)[-1])
        print(
            "| rows | what | seconds | peak memory, MiB | backend requests | told |\n| --- | --- | --- | --- | --- | --- |"
        )
        for size in arguments.sizes:
            for each in measured(folder, url, first_rows(whole, size), size):
                told = re.sub("^gateway: ", "", each.told)
                cells = (
                    f"{each.rows:,}",
                    each.what,
                    f"{each.seconds:.1f}",
                    f"{each.memory_mib:.0f}",
                    f"{each.requests:,}",
                )
                print(f"| {' | '.join(cells)} | {told} |", flush=True)


if __name__ == "__main__":
    main()
