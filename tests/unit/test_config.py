"""Settings: what stops the start, and what it says then; defaults that follow from others; no secret on the way."""

from pathlib import Path
from uuid import UUID

import pytest
from pydantic import ValidationError

from gateway.config import PREFIX, Settings, load_settings
from gateway.errors import ConfigError, ErrorCode
from gateway.figures.documents import Module

SECRET = "correct-horse-battery"
COMPANY = "1b2c0000-0000-4000-8000-000000000001"
GOOD = {
    "TENANT_ID": "77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d",
    "CLIENT_ID": "11111111-2222-4333-8444-555555555555",
    "CLIENT_SECRET": SECRET,
    "BUSINESS_CENTRAL_URL": "https://api.businesscentral.dynamics.com/v2.0/t/Production/api/v2.0",
    "COMPANY_ID": COMPANY,
    "DATAVERSE_URL": "https://contoso.crm4.dynamics.com/",
}


@pytest.fixture(autouse=True)
def _nothing_but_these_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The good settings alone: no ``.env``, nothing of the developer's own environment."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(PREFIX + name, value)


def problems_with(monkeypatch: pytest.MonkeyPatch, **changes: str) -> tuple[str, ...]:
    for name, value in changes.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    return caught.value.problems


def test_good_settings_are_loaded_and_their_defaults_follow() -> None:
    settings = load_settings()

    assert settings.company_id == UUID(COMPANY)
    assert settings.dataverse_url == "https://contoso.crm4.dynamics.com"
    assert settings.dataverse_token_scope == "https://contoso.crm4.dynamics.com/.default"
    assert settings.token_authority == f"https://login.microsoftonline.com/{GOOD['TENANT_ID']}"
    assert settings.audiences == {GOOD["CLIENT_ID"], f"api://{GOOD['CLIENT_ID']}"}
    assert settings.client_secret is not None
    assert settings.client_secret.get_secret_value() == SECRET


def test_origins_are_listed_with_commas_and_kept_as_browsers_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (load_settings().allowed_origins, load_settings().frame_ancestors) == ((), ())
    monkeypatch.setenv(f"{PREFIX}ALLOWED_ORIGINS", "https://Portal.example:443, https://*.crm4.dynamics.com,")
    monkeypatch.setenv(f"{PREFIX}FRAME_ANCESTORS", "'self',https://*.dynamics.com")
    settings = load_settings()
    assert settings.allowed_origins == ("https://portal.example", "https://*.crm4.dynamics.com")
    assert settings.frame_ancestors == ("'self'", "https://*.dynamics.com")


def test_what_is_set_takes_the_place_of_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_AUDIENCE", "api://other")
    monkeypatch.setenv("GATEWAY_AUTHORITY", "http://127.0.0.1:9000/sandbox/identity/t/")
    monkeypatch.setenv("GATEWAY_DATAVERSE_SCOPE", "https://other/.default")

    settings = load_settings()

    assert settings.audiences == {"api://other"}
    assert settings.token_authority == "http://127.0.0.1:9000/sandbox/identity/t"
    assert settings.dataverse_token_scope == "https://other/.default"


def test_a_tenant_is_written_as_tokens_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_TENANT_ID", GOOD["TENANT_ID"].upper())

    assert load_settings().tenant_id == GOOD["TENANT_ID"]


def test_settings_come_from_a_file_too_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("GATEWAY_PORT=9001\nGATEWAY_LOG_LEVEL=ERROR\n")
    monkeypatch.setenv("GATEWAY_LOG_LEVEL", "DEBUG")

    settings = load_settings()

    assert (settings.port, settings.log_level) == (9001, "DEBUG")


@pytest.mark.parametrize("name", GOOD)
def test_a_required_setting_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(PREFIX + name)

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert caught.value.problems == (f"{PREFIX}{name} is not set",)
    assert caught.value.code is ErrorCode.CONFIGURATION


def test_all_missing_settings_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        monkeypatch.delenv(PREFIX + name)

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert set(caught.value.problems) == {f"{PREFIX}{name} is not set" for name in GOOD}


BAD = {
    "an empty secret": ("CLIENT_SECRET", ""),
    "a tenant by its domain": ("TENANT_ID", "contoso.onmicrosoft.com"),
    "a company that is no guid": ("COMPANY_ID", "cronus-international"),
    "a url without a scheme": ("DATAVERSE_URL", "fabrikam.example.com"),
    "a url of another scheme": ("DATAVERSE_URL", "ftp://contoso.crm4.dynamics.com"),
    "plain http to another machine": ("DATAVERSE_URL", "http://contoso.crm4.dynamics.com"),
    "plain http to a host that looks like loopback": ("BUSINESS_CENTRAL_URL", "http://127.0.0.1.example.com"),
    "plain http to the authority": ("AUTHORITY", "http://login.example.com/tenant"),
    "a user and a password in a url": ("BUSINESS_CENTRAL_URL", f"https://admin:{SECRET}@bc.example.com"),
    "a query in a url": ("BUSINESS_CENTRAL_URL", f"https://bc.example.com?code={SECRET}"),
    "a database of another kind": ("DATABASE_URL", f"mysql://root:{SECRET}@db/gateway"),
    "a database driver that blocks": ("DATABASE_URL", f"postgresql://root:{SECRET}@db/gateway"),
    "a currency in lower case": ("LOCAL_CURRENCY_CODE", "euros"),
    "no time at all": ("REQUEST_DEADLINE_SECONDS", "0.0"),
    "too much time": ("REQUEST_DEADLINE_SECONDS", "301.5"),
    "a page of nothing": ("MAX_PAGE_SIZE", "-17"),
    "a page size that is no number": ("MAX_PAGE_SIZE", "plenty"),
    "more places than Dataverse has": ("DATAVERSE_PLACES", "52"),
    "all pages there are": ("ALLOWED_ORIGINS", "https://*.com"),
    "a page instead of its origin": ("ALLOWED_ORIGINS", "https://portal.example,https://crm.example/form"),
    "a page that comes over http": ("ALLOWED_ORIGINS", "http://portal.example"),
    "another directive behind the frames": ("FRAME_ANCESTORS", "https://crm.example; script-src *"),
    "a batch of less than nothing": ("MAX_BATCH", "-12"),
    "a port that is none": ("PORT", "70123"),
    "a log level that is none": ("LOG_LEVEL", "TRACE"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_setting_is_one_sentence_with_its_name_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    name, value = BAD[case]

    (problem,) = problems_with(monkeypatch, **{name: value})

    assert problem.startswith(f"{PREFIX}{name}: ")
    assert "\n" not in problem
    assert SECRET not in problem
    assert not value or value not in problem


def test_every_bad_setting_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told = problems_with(monkeypatch, PORT="0", LOG_LEVEL="LOUD", COMPANY_ID="none")

    assert {problem.partition(":")[0] for problem in told} == {
        "GATEWAY_PORT",
        "GATEWAY_LOG_LEVEL",
        "GATEWAY_COMPANY_ID",
    }


def test_a_database_in_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = problems_with(monkeypatch, DATABASE_URL="sqlite+aiosqlite:///:memory:")

    assert "empty for every new connection" in problem


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost", "[::1]:9000"])
def test_plain_http_is_allowed_to_this_machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("GATEWAY_DATAVERSE_URL", f"http://{host}/sandbox/dataverse")

    assert load_settings().dataverse_url == f"http://{host}/sandbox/dataverse"


def test_the_client_secret_is_in_no_repr_and_no_dump() -> None:
    settings = load_settings()

    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        assert SECRET not in text


def test_a_config_error_hides_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """pydantic's own error repeats the values."""
    monkeypatch.setenv("GATEWAY_DATABASE_URL", f"mysql://root:{SECRET}@db/gateway")

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert caught.value.__suppress_context__
    assert SECRET not in repr(caught.value)


def test_settings_do_not_change() -> None:
    settings = load_settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_departments_are_listed_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().modules == frozenset(Module), "all of them until somebody says otherwise"
    monkeypatch.setenv("GATEWAY_MODULES", "service, prepayments")
    assert load_settings().modules == {Module.SERVICE, Module.PREPAYMENTS}
    monkeypatch.setenv("GATEWAY_MODULES", "")
    assert load_settings().modules == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODULES", "service,gardening"),
        ("TIME_ZONE", "Middle-earth/Shire"),
        ("TIME_ZONE", "../../etc/passwd"),
        ("WORK_DATE", "soon"),
        ("LOOK_AHEAD_DAYS", "-1"),
        ("EXTENSION_API", "https://elsewhere.example/pages"),
        ("EXTENSION_API", "../v2.0"),
    ],
)
def test_what_figures_depend_on_is_checked(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    (problem,) = problems_with(monkeypatch, **{name: value})
    assert problem.startswith(f"{PREFIX}{name}")
    assert value not in problem


@pytest.mark.parametrize(
    "url",
    ["localhost:6379", "http://localhost", "redis://", "redis://localhost/name", "redis://localhost?db=1", "redis://local host",
     f"redis://:{SECRET}@redis.example:6379/0", "redis://localhost:0"],
)  # fmt: skip
def test_a_redis_server_is_named_by_its_url_and_a_password_travels_over_tls(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    (problem,) = problems_with(monkeypatch, REDIS_URL=url)
    assert problem.startswith("GATEWAY_REDIS_URL: must ")
    assert SECRET not in problem


@pytest.mark.parametrize(
    "url", ["redis://localhost", "redis://redis:6379/1", f"rediss://me:{SECRET}@redis.example:6380/0", f"redis://:{SECRET}@127.0.0.1"]
)  # fmt: skip
def test_a_redis_server_may_be_anywhere_and_its_password_shows_nowhere(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("GATEWAY_REDIS_URL", url)
    settings = load_settings()
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == url
    assert SECRET not in repr(settings)


def test_trusted_documents_need_a_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems_with(monkeypatch, DOCUMENTS="trusted") == (
        "GATEWAY_DOCUMENTS_FILE: has to be set where GATEWAY_DOCUMENTS is trusted",
    )
