"""`gateway worker`: what it refuses, how it tells that it is at work, and how it ends."""

import fcntl
import signal
from pathlib import Path

import httpx
import pytest

from tests.cli.commands import free_port, run, started
from tests.databases import postgresql

SETTINGS = {
    "GATEWAY_TENANT_ID": "7a1e2f90-1111-4222-8333-94b5c6d7e8f9",
    "GATEWAY_CLIENT_ID": "0c9d8e7f-1111-4222-8333-a4b5c6d7e8f9",
    "GATEWAY_CLIENT_SECRET": "secret",
    "GATEWAY_BUSINESS_CENTRAL_URL": "http://127.0.0.1:9/v2.0/tenant/Production/api/v2.0",
    "GATEWAY_COMPANY_ID": "5d4c3b2a-1111-4222-8333-04f5e6d7c8b9",
    "GATEWAY_DATAVERSE_URL": "http://127.0.0.1:9",
    "GATEWAY_LOG_LEVEL": "WARNING",
}


def test_over_sqlite_there_is_no_second_process(tmp_path: Path) -> None:
    sqlite = SETTINGS | {"GATEWAY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"}
    for command, setting in (("worker", {}), ("serve", {"GATEWAY_JOBS": "elsewhere"})):
        refused = run(command, **sqlite, **setting)
        assert (refused.returncode, refused.stdout) == (2, "")
        (line,) = refused.stderr.splitlines()
        assert "PostgreSQL" in line
        assert "single writer" in line
        assert not (tmp_path / "gateway.db").exists()


def test_an_sqlite_file_that_another_gateway_serves_is_said(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    with Path(f"{file}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        url = f"sqlite+aiosqlite:///{file}"
        refused = run("serve", "--port", str(free_port()), **(SETTINGS | {"GATEWAY_DATABASE_URL": url}))
    assert refused.returncode == 2
    assert f"another gateway serves {file}" in refused.stderr


@pytest.mark.parametrize("has_port", [True, False])
def test_a_worker_tells_how_it_is_and_ends_when_it_is_told_to(has_port: bool) -> None:
    port = free_port() if has_port else 0
    with postgresql() as url:
        settings = SETTINGS | {"GATEWAY_DATABASE_URL": url, "GATEWAY_WORKER_PORT": str(port)}
        with started("worker", **settings) as (process, printed):
            if has_port:
                base = f"http://127.0.0.1:{port}"
                assert base in printed
                assert httpx.get(f"{base}/health/live").json() == {"status": "live"}
                ready = httpx.get(f"{base}/health/ready").json()
                assert (ready["status"], ready["checks"]) == ("ready", {"database": True, "jobs": True})
                assert httpx.get(f"{base}/graphql").status_code == 404
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
            assert (process.returncode, errors) == (-signal.SIGTERM if has_port else 0, "")
