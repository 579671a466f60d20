"""The settings: one frozen object, read and checked when the gateway starts. Nothing else of it reads the environment.

``docs/settings.md`` describes each of them; a test keeps the two together.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gateway.audit.proxies import Network
from gateway.auth.caller import Role
from gateway.auth.credentials import Certificate, read_certificate
from gateway.auth.introspection import Introspection
from gateway.errors import ConfigError
from gateway.figures.documents import Module
from gateway.manifest import Documents
from gateway.origins import checked_origin

PREFIX = "GATEWAY_"

ONE_WRITER = "an SQLite file has a single writer, so the process that serves also carries out the jobs"

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class ActsAs(StrEnum):
    """Whose rights decide at a backend."""

    CLIENT_CREDENTIALS = "client_credentials"
    ON_BEHALF_OF = "on_behalf_of"


class RolesFrom(StrEnum):
    """Who says which roles a caller has."""

    TOKEN = "token"  # noqa: S105 - a word, not a password
    DATAVERSE = "dataverse"
    BOTH = "both"


class JobsPlace(StrEnum):
    """Where jobs are carried out, as seen from ``gateway serve``."""

    HERE = "here"
    ELSEWHERE = "elsewhere"


def _backend_url(value: str) -> str:
    """No message of the parser's own goes on: it would repeat what was typed, a password perhaps."""
    try:
        parts = urlsplit(value)
        usable = (
            not any(map(str.isspace, value))
            and parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be an absolute URL, such as https://contoso.crm4.dynamics.com")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("must be https: a token travels on it (http is allowed to this machine only)")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold no user name, password, query or fragment")
    return value.rstrip("/")


def _database_url(value: SecretStr) -> SecretStr:
    """A secret: it may hold a password."""
    url = value.get_secret_value()
    if not url.startswith(("sqlite+aiosqlite://", "postgresql+psycopg://")):
        raise ValueError("must start with sqlite+aiosqlite:// or postgresql+psycopg://")
    try:
        make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("is not a database URL that can be read") from None
    if url.startswith("sqlite") and (":memory:" in url or not url.removeprefix("sqlite+aiosqlite://").strip("/")):
        raise ValueError("must name a file: a database in memory would be empty for every new connection")
    return value


def _redis_url(value: SecretStr) -> SecretStr:
    """A secret: it may hold a password, which travels in the open except over TLS."""
    try:
        parts = urlsplit(value.get_secret_value())
        usable = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(map(str.isspace, value.get_secret_value())):
        raise ValueError("must be the URL of a Redis server, redis://… or rediss://… (TLS)")
    if not parts.path.removeprefix("/").isdigit() and parts.path not in ("", "/"):
        raise ValueError("must name the database by its number, as in redis://localhost:6379/0")
    if parts.query or parts.fragment:
        raise ValueError("must hold no query or fragment")
    if parts.scheme == "redis" and parts.password and parts.hostname not in _LOOPBACK:
        raise ValueError("must be rediss:// (TLS) where it holds a password")
    return value


def _tenant(value: str) -> str:
    """In lower case, as it stands in tokens; a domain name does not stand there."""
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError("must be the tenant's GUID, as tokens name it; a domain name will not do") from None


def _listed(value: object) -> object:
    return [part for part in map(str.strip, value.split(",")) if part] if isinstance(value, str) else value


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(checked_origin, value))


def _frame_ancestors(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each if each == "'self'" else checked_origin(each) for each in value)


def _security_roles(value: object) -> object:
    """``name or id of a role = one of ours``, separated by semicolons: names have commas in them, but no equals sign."""
    if not isinstance(value, str):
        return value
    pairs = [part.rpartition("=") for part in value.split(";") if part.strip()]
    if not all(name.strip() for name, _, _ in pairs):
        raise ValueError("must be pairs such as Sales Manager=INTEGRATION_USER, separated by semicolons")
    return {name.strip(): role.strip() for name, _, role in pairs}


def _certificate(file: Path, password: SecretStr | None) -> Certificate:
    """Raises: ValueError: the file cannot be used. Says nothing of its content."""
    try:
        pem = file.read_bytes()
    except OSError:
        raise ValueError("names a file that cannot be read") from None
    try:
        return read_certificate(pem, password.get_secret_value() if password is not None else None)
    except ValueError as error:
        raise ValueError(f"names a file that {error}") from None


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be the IANA name of a time zone, such as Europe/Amsterdam") from None
    return value


def _networks(value: object) -> object:
    """Addresses and networks, separated by commas."""
    try:
        return tuple(map(ip_network, _listed(value))) if isinstance(value, str) else value  # type: ignore[call-overload]
    except ValueError:
        raise ValueError("must be addresses or networks, such as 10.0.0.0/8, separated by commas") from None


TrustedProxies = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_origins)]
FrameAncestors = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_frame_ancestors)]
Modules = Annotated[frozenset[Module], NoDecode, BeforeValidator(_listed)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
TenantId = Annotated[str, AfterValidator(_tenant)]
Tenants = Annotated[frozenset[TenantId], NoDecode, BeforeValidator(_listed)]
RoleNames = Annotated[Mapping[str, Role], NoDecode, BeforeValidator(_security_roles)]
BackendUrl = Annotated[str, AfterValidator(_backend_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]


class Settings(BaseSettings):
    """Everything the gateway must be told. Secrets show in no repr."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    tenant_id: TenantId = Field(description="The Entra ID tenant, as a GUID.")
    client_id: str = Field(min_length=1, description="The gateway's app registration.")
    client_certificate_password: SecretStr | None = Field(
        default=None, description="The password of the certificate's private key, if it has one."
    )
    client_certificate: Path | None = Field(
        default=None,
        description="A PEM file with a private key and the certificate that the registration knows, in place of a secret.",
    )
    client_secret: SecretStr | None = Field(
        default=None,
        min_length=1,
        validate_default=True,
        description="A client secret of that registration; required unless there is a certificate.",
    )
    authority: BackendUrl | None = Field(
        default=None, description="Where tokens come from; default: Entra ID of the public cloud, for the tenant."
    )
    audience: str | None = Field(
        default=None,
        description="Whom callers' tokens must be meant for; default: `api://{client_id}` and the client id.",
    )
    tenants: Tenants | None = Field(
        default=None, description="Further tenants whose callers are accepted, GUIDs separated by commas."
    )
    roles_from: RolesFrom = Field(
        default=RolesFrom.TOKEN,
        description="Who says which roles a caller has: app roles in the token, security roles in Dataverse, or both.",
    )
    security_roles: RoleNames | None = Field(
        default=None,
        description="Security roles of Dataverse, by name or id, and which of our roles each is; default: Microsoft's.",
    )
    security_roles_seconds: int = Field(
        default=300, ge=1, le=3600, description="How old what Dataverse says of a caller's roles may be."
    )
    business_central_as: ActsAs = Field(
        default=ActsAs.CLIENT_CREDENTIALS,
        description="Whose rights decide at Business Central: the application's, or each caller's.",
    )
    dataverse_as: ActsAs = Field(
        default=ActsAs.CLIENT_CREDENTIALS,
        description="Whose rights decide at Dataverse: the application's, or each caller's.",
    )
    business_central_url: BackendUrl = Field(
        description="Root of the API, `https://api.businesscentral.dynamics.com/v2.0/{tenant}/{environment}/api/v2.0`."
    )
    business_central_scope: str = Field(
        default="https://api.businesscentral.dynamics.com/.default", description="Scope of Business Central tokens."
    )
    business_central_web_url: BackendUrl | None = Field(
        default=None,
        description="Root of Business Central's web client, for links to records; default: the one of the API's environment.",
    )
    company_id: UUID = Field(description="SystemId of the company that is meant when a query names none.")
    local_currency_code: str | None = Field(
        default=None, pattern="^[A-Z]{3}$", description="That company's local currency, if it need not be asked for."
    )
    dataverse_url: BackendUrl = Field(description="The organization, `https://{org}.crm{N}.dynamics.com`.")
    dataverse_scope: str | None = Field(
        default=None, description="Scope of Dataverse tokens; default: `{dataverse_url}/.default`."
    )
    database_url: DatabaseUrl = Field(
        default=SecretStr("sqlite+aiosqlite:///gateway.db"),
        description="Our own database: SQLite, or PostgreSQL for more processes.",
    )
    jobs_database_url: DatabaseUrl | None = Field(
        default=None,
        description="Where jobs are kept; default: beside an SQLite file, in a schema `dbos` of the same PostgreSQL database.",
    )
    jobs_retention_days: int = Field(default=30, ge=1, le=3650, description="How long finished jobs are kept.")
    jobs: JobsPlace = Field(
        default=JobsPlace.HERE,
        description="Whether this process carries out jobs and schedules, or leaves them to `gateway worker`.",
    )
    runs_retention_days: int = Field(
        default=90, ge=1, le=3650, description="How long the job log is kept, with its errors."
    )
    worker_port: int = Field(
        default=8010, ge=0, le=65535, description="The port `gateway worker` tells its health on; 0: none."
    )
    modules: Modules = Field(
        default=frozenset(Module),
        description="Which departments of Business Central the company uses besides trade, separated by commas.",
    )
    extension_api: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/(v\d+\.\d+|beta)$",
        description="Route of the extension with our pages, `{publisher}/{group}/{version}`; none is installed by default.",
    )
    look_ahead_days: int = Field(
        default=90, ge=0, le=3650, description="How far ahead promised stock is kept for those it is promised to."
    )
    time_zone: TimeZone = Field(default="UTC", description="The company's time zone (IANA): when its day begins.")
    work_date: date | None = Field(
        default=None, description="The day all figures are as of, as in Business Central; today unless set."
    )
    request_deadline_seconds: float = Field(
        default=10.0, gt=0, le=300, description="How long one GraphQL request may take, backends included."
    )
    max_body_bytes: int = Field(
        default=1_000_000,
        ge=10_000,
        le=16_000_000,
        description="The longest body read of a request that is no administrator's.",
    )
    introspection: Introspection = Field(
        default=Introspection.USERS, description="Which callers may ask for the schema, and get suggestions from it."
    )
    max_batch: int = Field(
        default=10, ge=0, le=100, description="The most operations one request may hold, as a list; 0 and 1: no lists."
    )
    allowed_origins: Origins = Field(
        default=(), description="Origins whose pages may ask from a browser, separated by commas."
    )
    frame_ancestors: FrameAncestors = Field(
        default=(), description="Origins whose pages may show widgets in a frame, separated by commas."
    )
    max_depth: int = Field(default=20, ge=3, le=100, description="How many levels deep a query may be nested.")
    max_fields: int = Field(
        default=5_000,
        ge=50,
        le=100_000,
        description="The most fields of an operation, fragments counted wherever spread.",
    )
    max_root_fields: int = Field(default=50, ge=1, le=1_000, description="The most root fields of an operation.")
    max_aliases: int = Field(default=100, ge=0, le=10_000, description="The most aliases in a document.")
    max_directives: int = Field(default=100, ge=0, le=10_000, description="The most directives in a document.")
    max_list_values: int = Field(
        default=1_000, ge=200, le=10_000, description="The most values of any list; most arguments take fewer."
    )
    max_tokens: int = Field(default=5_000, ge=500, le=100_000, description="The most tokens of a document.")
    max_characters: int = Field(
        default=100_000,
        ge=2_000,
        le=1_000_000,
        description="The most characters of a document; values go as variables.",
    )
    max_cost: int = Field(
        default=100,
        ge=0,
        le=100_000,
        description="The most backend requests an operation may be estimated to; 0: no limit.",
    )
    rate_per_minute: int = Field(
        default=600,
        ge=0,
        le=1_000_000,
        description="Operations a caller may ask for in a minute; 0: as many as it likes.",
    )
    rate_burst: int = Field(default=200, ge=1, le=100_000, description="Operations a caller may ask for at once.")
    rate_cost_per_minute: int = Field(
        default=600,
        ge=0,
        le=1_000_000,
        description="Estimated backend requests a caller may cause in a minute; 0: as many as it likes.",
    )
    redis_url: RedisUrl | None = Field(
        default=None, description="Redis, which processes share counts and documents through; none: each for itself."
    )
    documents: Documents = Field(
        default=Documents.ANY, description="Whether any document is carried out, or only those of the manifest."
    )
    documents_file: Path | None = Field(
        default=None, validate_default=True, description="The manifest of trusted documents, JSON, see docs/limits.md."
    )
    max_page_size: int = Field(default=200, ge=50, le=1000, description="The most rows `first` may ask for.")
    business_central_places: int = Field(
        default=5, ge=1, le=100, description="Requests at Business Central at once; it works on 5 for each identity."
    )
    dataverse_places: int = Field(
        default=48, ge=1, le=51, description="Requests at Dataverse at once; it refuses the 52nd of an identity."
    )
    public_url: BackendUrl | None = Field(
        default=None, description="Where the two systems reach the gateway; without it they tell nothing by themselves."
    )
    webhooks: bool = Field(default=True, description="Whether the two systems are asked to tell us of changes.")
    mappings_file: Path | None = Field(
        default=None,
        description="A file with further fields and tables for the mappings, TOML or JSON, see docs/mappings.md.",
    )
    trusted_proxies: TrustedProxies | None = Field(
        default=None,
        description="Networks of the proxies in front of the gateway, whose word on the caller's address counts.",
    )
    host: str = Field(default="127.0.0.1", description="The address `gateway serve` listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="The port `gateway serve` listens on.")
    log_level: str = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR."
    )

    @field_validator("client_certificate")
    @classmethod
    def _is_a_certificate(cls, value: Path | None, others: ValidationInfo) -> Path | None:
        if value is not None:
            _certificate(value, others.data.get("client_certificate_password"))
        return value

    @field_validator("client_secret")
    @classmethod
    def _proves_who_it_is(cls, value: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        certificate = others.data.get("client_certificate", ...)  # absent where it is no good, which is told by itself
        if value is None and certificate is None:
            raise PydanticCustomError("missing", "is not set")
        if value is not None and certificate not in (None, ...):
            raise ValueError("must not be set beside GATEWAY_CLIENT_CERTIFICATE")
        return value

    @field_validator("tenants")
    @classmethod
    def _have_an_authority(cls, value: frozenset[str] | None, others: ValidationInfo) -> frozenset[str] | None:
        home, authority = others.data.get("tenant_id"), others.data.get("authority")
        if value and authority is not None and home is not None and home not in authority:
            raise ValueError("needs a GATEWAY_AUTHORITY that names the tenant by its GUID, or none")
        return value

    @field_validator("jobs_database_url")
    @classmethod
    def _is_a_file_of_its_own(cls, value: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if (
            value is not None
            and value.get_secret_value().startswith("sqlite")
            and value == others.data.get("database_url")
        ):
            raise ValueError("must name another file than GATEWAY_DATABASE_URL: each has a single writer")
        return value

    @field_validator("documents_file")
    @classmethod
    def _has_a_manifest(cls, value: Path | None, others: ValidationInfo) -> Path | None:
        if value is None and others.data.get("documents") is Documents.TRUSTED:
            raise ValueError("has to be set where GATEWAY_DOCUMENTS is trusted")
        return value

    @field_validator("jobs")
    @classmethod
    def _has_somebody_elsewhere(cls, value: JobsPlace, others: ValidationInfo) -> JobsPlace:
        urls = (others.data.get("jobs_database_url"), others.data.get("database_url"))
        if value is JobsPlace.ELSEWHERE and any(url and url.get_secret_value().startswith("sqlite") for url in urls):
            raise ValueError(f"elsewhere needs PostgreSQL: {ONE_WRITER}")
        return value

    def proof(self) -> str | Certificate:
        """The secret, or the certificate with its key. Raises: ValueError: the file is no longer what it was."""
        if self.client_secret is not None:
            return self.client_secret.get_secret_value()
        assert self.client_certificate is not None  # noqa: S101 - one of the two is there
        return _certificate(self.client_certificate, self.client_certificate_password)

    @property
    def token_authority(self) -> str:
        return self.authority or f"https://login.microsoftonline.com/{self.tenant_id}"

    @property
    def audiences(self) -> frozenset[str]:
        return frozenset({self.audience} if self.audience else {f"api://{self.client_id}", self.client_id})

    @property
    def dataverse_token_scope(self) -> str:
        return self.dataverse_scope or f"{self.dataverse_url}/.default"


def load_settings() -> Settings:
    """The settings from the environment and ``.env``.

    Raises:
        ConfigError: with one sentence for each setting that is missing or wrong; never with a value.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigError(*problems(error)) from None
    except UnicodeDecodeError:
        raise ConfigError("the file .env is not UTF-8 text") from None


def problems(error: ValidationError) -> list[str]:
    """One sentence for each setting that is missing or wrong; never with a value."""
    return [_problem(each["loc"], each["type"], each["msg"]) for each in error.errors()]


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = PREFIX + "_".join(map(str, location)).upper() if location else PREFIX.rstrip("_")
    if kind == "missing":
        return f"{name} is not set"
    return f"{name}: {message.removeprefix('Value error, ')}"
