"""`gateway sandbox` over https, with its own certificate or one that is brought along."""

import os
import re
import signal
import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from gateway.sandbox.certificate import self_signed
from tests.cli.commands import GATEWAY, free_port, run, started


def test_the_sandbox_serves_https_and_a_gateway_trusts_it(tmp_path: Path) -> None:
    sandbox_port, port = free_port(), free_port()
    folder = tmp_path / "sandbox"
    with started("sandbox", "--tls", "--port", str(sandbox_port), "--folder", str(folder)) as (_, printed):
        assert "http://" not in printed
        base, certificate = f"https://127.0.0.1:{sandbox_port}", folder / "certificate.pem"
        assert f"export SSL_CERT_FILE={certificate}" in printed
        trusting = ssl.create_default_context(cafile=certificate)
        for host in ("127.0.0.1", "localhost"):
            listed = httpx.get(f"https://{host}:{sandbox_port}/sandbox/admin/", verify=trusting)
            assert listed.status_code == 200
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            httpx.get(f"{base}/sandbox/admin/")

        rule = {"kind": "reset", "backend": "dataverse", "count": 1}
        httpx.post(f"{base}/sandbox/admin/faults", json=rule, verify=trusting)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{base}/sandbox/dataverse/api/data/v9.2/WhoAmI", verify=trusting)

        settings = dict(re.findall(r"^export (GATEWAY_\w+)=(.*)$", printed, re.MULTILINE))
        settings["GATEWAY_CLIENT_SECRET"] = (folder / "identity" / "gateway-client-secret").read_text()
        settings["GATEWAY_DATABASE_URL"] = f"sqlite+aiosqlite:///{tmp_path / 'serve.db'}"
        settings["GATEWAY_PORT"] = str(port)
        trust = {"SSL_CERT_FILE": str(certificate)}
        token = run("token", "admin", "--url", base, **trust)
        assert token.returncode == 0, token.stderr
        assert _healthy(port, settings | trust, token.stdout.strip())


def _healthy(port: int, environment: dict[str, str], token: str) -> bool:
    """What a gateway with these settings says of its connection."""
    process = subprocess.Popen(
        [*GATEWAY, "serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )
    assert process.stdout is not None
    try:
        assert "Listening" in process.stdout.readline()
        answer = httpx.post(
            f"http://127.0.0.1:{port}/graphql",
            json={"query": "{ connection { healthy } }"},
            headers={"Authorization": f"Bearer {token}"},
        )
        return answer.json()["data"]["connection"]["healthy"] is True
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_a_certificate_can_be_brought_along(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    certificate, key = self_signed(tmp_path / "own")
    port = free_port()
    arguments = ["--port", str(port), "--folder", str(tmp_path / "data")]
    with started("sandbox", "--certificate", str(certificate), "--key", str(key), *arguments) as (_, printed):
        assert f"SSL_CERT_FILE={certificate}" in printed
        trusting = ssl.create_default_context(cafile=certificate)
        assert httpx.get(f"https://127.0.0.1:{port}/sandbox/admin/", verify=trusting).status_code == 200
    assert not (tmp_path / "data" / "certificate.pem").exists()


def test_a_certificate_and_key_that_do_not_fit_are_said(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    certificate, _ = self_signed(tmp_path / "one")
    _, key = self_signed(tmp_path / "other")
    arguments = ["sandbox", "--folder", str(tmp_path / "data"), "--port", str(free_port())]
    for given, said in [
        (["--certificate", str(certificate)], "--certificate and --key belong together"),
        (["--certificate", str(certificate), "--key", str(key)], "are not a certificate and its key"),
        (["--certificate", str(tmp_path / "none.pem"), "--key", str(key)], "No such file or directory"),
    ]:
        ended = run(*arguments, *given)
        assert ended.returncode == 2
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr


def test_the_key_is_for_its_owner_only_and_both_files_are_kept(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    before = certificate.read_bytes(), key.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert self_signed(tmp_path) == (certificate, key)
    assert (certificate.read_bytes(), key.read_bytes()) == before


def test_a_certificate_about_to_expire_or_without_its_key_is_made_anew(tmp_path: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=360)
    certificate, key = self_signed(tmp_path, now=long_ago)
    old = certificate.read_bytes()
    self_signed(tmp_path)
    renewed = certificate.read_bytes()
    assert renewed != old
    key.write_text("no key")
    self_signed(tmp_path)
    assert certificate.read_bytes() != renewed
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_certificate_names_this_machine(tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path)
    names = x509.load_pem_x509_certificate(certificate.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(one) for one in names.value.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
