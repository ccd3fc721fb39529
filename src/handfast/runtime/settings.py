"""The service's settings: one frozen object, built in `app.py` from the environment.

Secrets have no default, and each may come from a mounted file instead (`mounted`). A value that cannot be
read is a `ConfigError` that names the variable, never the value. What was read as a secret is known to
`handfast.redaction` from then on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from handfast.redaction import learn
from handfast.runtime.faults import ConfigError, Fault
from handfast.runtime.mounted import read_mounted

Environment: TypeAlias = Literal["production", "development", "test"]
ResponseValidation: TypeAlias = Literal["raise", "log", "off"]

PREFIX = "HANDFAST_"

_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
"""An origin as browsers write it (RFC 6454, 6.2); `null` stands for any sandboxed page, so it is none."""


class Settings(BaseSettings):
    """Everything that differs between one deployment and the next.

    Five variables have names of their own (`DATABASE_URL`, `BETTER_AUTH_SECRET`, `BETTER_AUTH_URL`,
    `CORS_ORIGINS`, `LOG_LEVEL`); every other one is the attribute's name in capitals after `HANDFAST_`.
    A file `.env` in the working directory is read too; the environment wins over it, and arguments given
    here win over both. Each secret `X` may be given as `X_FILE`, the path of a file that holds it.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    env: Environment = "production"
    """`development` and `test` turn faults where work can go on into warnings."""

    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    """PostgreSQL as the service role; unset in development and test means the embedded server."""

    database_owner_url: SecretStr | None = None
    """PostgreSQL as the owner role, for migrations only."""

    database_direct_url: SecretStr | None = None
    """PostgreSQL without a pooler between, for what listens or outlives a transaction."""

    database_pool_size: int = Field(default=10, ge=1, le=1000)
    """Connections that one process keeps at most; fewer where those of all workers would not fit into what
    the database gives the role. With a pooler between (`database_direct_url`, or `database_prepare` off) it
    stands as it is."""

    database_timeout_seconds: float = Field(default=5.0, gt=0)
    """How long a request waits for a connection before it is answered 503."""

    database_prepare: bool = True
    """Whether statements are prepared on the server; off for a pooler that cannot keep them."""

    better_auth_secret: SecretStr | None = Field(default=None, validation_alias="BETTER_AUTH_SECRET")
    """Key of HS256 tokens, at least 32 bytes."""

    better_auth_url: str | None = Field(default=None, validation_alias="BETTER_AUTH_URL")
    """Address of the Better Auth server; its keys are read from `/api/auth/jwks` below it."""

    token_audience: str | None = None
    """`aud` that tokens must carry; unset means the value of `BETTER_AUTH_URL`."""

    token_leeway_seconds: int = Field(default=10, ge=0, le=300)
    """Difference of clocks that is forgiven when a token's times are checked."""

    token_cache_seconds: int = Field(default=60, ge=0, le=60)
    """How long a verified token is trusted without checking its signature again."""

    jwks_cache_seconds: int = Field(default=300, ge=1)
    """How long the key set of `BETTER_AUTH_URL` is kept; it is renewed in the background before that."""

    jwks_stale_seconds: int = Field(default=3600, ge=0)
    """How long known keys go on to work after that while the server cannot be reached; then 503."""

    authenticator_timeout_seconds: float = Field(default=5.0, gt=0)
    """How long an authenticator of the project may take before the request is answered 503."""

    client_certificate_header: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]+$")
    """Header in which a trusted proxy passes on the client's certificate, for `mutualTLS`; the proxy must
    remove what callers send under this name."""

    admin_roles: Annotated[tuple[str, ...], NoDecode] = ()
    """Values of a token's `role` claim, separated by commas, whose holders may use elevated statements."""

    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(default=(), validation_alias="CORS_ORIGINS")
    """Origins that browsers may call from, separated by commas; `*` allows all, without credentials."""

    log_level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        default="info", validation_alias="LOG_LEVEL"
    )
    """Lines below this level are not written."""

    body_limit_bytes: int = Field(default=10 * 1024 * 1024, ge=0)
    """Largest request body; a larger one is answered 413."""

    document_limit_bytes: int = Field(default=1024 * 1024, ge=0)
    """Largest body or form field that is read whole (JSON, form, text); a larger one is answered 413."""

    head_limit_bytes: int = Field(default=32 * 1024, ge=1024)
    """Largest request line and headers together; larger ones are answered 431."""

    header_limit: int = Field(default=100, ge=10)
    """Most headers of one request; more are answered 431."""

    url_limit_bytes: int = Field(default=8 * 1024, ge=256)
    """Longest request target; a longer one is answered 414."""

    query_limit: int = Field(default=500, ge=1)
    """Most query parameters of one request; more are answered 400."""

    connection_limit: int = Field(default=1000, ge=1)
    """Connections that one process keeps open at most; another one is answered 503 and closed."""

    head_timeout_seconds: float = Field(default=10.0, gt=0)
    """Time in which request line and headers must arrive; a slower request is answered 408."""

    body_timeout_seconds: float = Field(default=20.0, gt=0)
    """Time in which a body must arrive; a slower one is answered 408."""

    workers: int = Field(default=1, ge=0)
    """Processes that serve, unless `--workers` says otherwise; 0 takes one for each processor."""

    backlog: int = Field(default=2048, ge=1, le=65535)
    """Connections that may wait to be accepted; the system may hold them to less (`net.core.somaxconn`)."""

    keep_alive_seconds: int = Field(default=5, ge=1)
    """How long a connection without a request stays open."""

    write_timeout_seconds: float = Field(default=30.0, gt=0)
    """How long a caller may leave a response unread before the connection is cut."""

    deadline_seconds: float = Field(default=30.0, gt=0)
    """Time that one request may take until its response begins; a longer one is answered 503."""

    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks, separated by commas, whose `X-Forwarded-For` and `-Proto` are believed."""

    sender_timeout_seconds: float = Field(default=10.0, gt=0)
    """Time that a webhook or callback may take, from looking up its name to the end of the answer."""

    sender_networks: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks, separated by commas, that webhooks and callbacks may reach though not public."""

    hsts_seconds: int = Field(default=0, ge=0)
    """`max-age` of `Strict-Transport-Security`; 0 leaves the header out. For services behind TLS only."""

    content_security_policy: str = "default-src 'none'; frame-ancestors 'none'"
    """`Content-Security-Policy` of every answer that sets none itself."""

    permissions_policy: str = "camera=(), geolocation=(), microphone=(), payment=()"
    """`Permissions-Policy` of every answer that sets none itself."""

    referrer_policy: str = "no-referrer"
    """`Referrer-Policy` of every answer that sets none itself."""

    resource_policy: Literal["same-origin", "same-site", "cross-origin"] = "same-origin"
    """`Cross-Origin-Resource-Policy` of every answer that sets none itself."""

    response_validation: ResponseValidation | None = None
    """Whether a response that breaks the contract fails the request (`raise`), is logged and counted (`log`)
    or is not looked for (`off`); unset means `log` in production and `raise` elsewhere."""

    docs: bool = True
    """Whether `/docs` is served."""

    @field_validator("cors_origins", "trusted_proxies", "admin_roles", "sender_networks", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(one.strip() for one in value.split(",") if one.strip())
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        value = tuple(origin.removesuffix("/") for origin in value)
        if "*" in value and len(value) > 1:
            raise ValueError("`*` allows every origin, without credentials: name `*` alone, or drop it")
        for place, origin in enumerate(value, 1):
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"entry {place} is no origin: write scheme, host and port alone, in lower case and "
                    "without a wildcard, such as https://app.example.com"
                )
        return value

    @field_validator("trusted_proxies", "sender_networks")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, one in enumerate(value, 1):
            try:
                ip_network(one)
            except ValueError:
                raise ValueError(
                    f"entry {place} is no address or network: write it such as 10.0.0.5 or 10.0.0.0/8"
                ) from None
        return value

    @field_validator("content_security_policy", "permissions_policy", "referrer_policy")
    @classmethod
    def _check_header(cls, value: str) -> str:
        if not value.isascii() or not value.isprintable():
            raise ValueError("a header holds printable ASCII in one line")
        return value

    @field_validator("database_url", "database_owner_url", "database_direct_url")
    @classmethod
    def _check_dsn(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _check_dsn(value.get_secret_value())
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower_level(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("better_auth_url")
    @classmethod
    def _without_slash(cls, value: str | None) -> str | None:
        return None if value is None else value.rstrip("/")

    @model_validator(mode="wrap")
    @classmethod
    def _name_variables(cls, value: object, handler: ValidatorFunctionWrapHandler) -> Settings:
        given = dict(value) if isinstance(value, Mapping) else {}
        secrets = {name: given[name] for field in secret_fields() for name in _names(field) if name in given}
        learn(_plain(secret) for secret in secrets.values() if isinstance(secret, str | SecretStr))
        faults = [secret for secret in secrets.values() if isinstance(secret, Fault)]
        broken = [name for name, secret in secrets.items() if isinstance(secret, Fault)]
        try:
            settings: Settings = handler(
                {name: entry for name, entry in given.items() if name not in broken} if broken else value
            )
        except ValidationError as error:
            faults += [_fault(str(entry["loc"][0]), entry["msg"]) for entry in error.errors()]
        if faults:
            raise ConfigError(faults) from None
        return settings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, which wins over `.env`; a mounted file excludes both."""
        return init_settings, _Mounted(settings_cls, dotenv_settings), env_settings, dotenv_settings

    @property
    def production(self) -> bool:
        """Whether nothing may be amiss."""
        return self.env == "production"

    @property
    def check_responses(self) -> ResponseValidation:
        """`response_validation` with its default filled in."""
        return self.response_validation or ("log" if self.production else "raise")


class _Mounted(PydanticBaseSettingsSource):
    """The secrets that come from files; a fault stands in the place of one that cannot be read."""

    def __init__(self, settings_cls: type[BaseSettings], dotenv: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._dotenv = dotenv

    def __call__(self) -> dict[str, Any]:
        written: dict[str, str | None] = {}
        if isinstance(self._dotenv, DotEnvSettingsSource):
            # Its names come in lower case, as settings do not care for case.
            written = {name.upper(): value for name, value in self._dotenv.env_vars.items()}
        wanted = {
            variable(field): field
            for field in secret_fields()
            if not any(name in self.current_state for name in _names(field))  # an argument has been given
        }
        read = read_mounted(wanted, written | dict(os.environ))
        return {wanted[name]: value for name, value in read.items()}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Give nothing: this source goes by the environment, not by field."""
        return None, field_name, False


def secret_fields() -> list[str]:
    """Return the attributes that are typed as secret, in their order."""
    return [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]


def _names(field: str) -> tuple[str, ...]:
    return field, variable(field)


def _plain(secret: str | SecretStr) -> str:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret


def variable(field: str) -> str:
    """Return the environment variable that sets the attribute `field`."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else PREFIX + field.upper()


def _check_dsn(text: str) -> None:
    """Raise `ValueError`, which quotes nothing of `text`, where libpq would misread a password as a place."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        if "=" not in text:
            raise ValueError("write it like postgresql://role:password@host:5432/database")
        return
    if scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise ValueError("it must begin with postgresql://")
    authority, _, path = rest.partition("/")
    login = authority.rpartition("@")[0]
    if ("@" not in authority and "@" in path.partition("?")[0]) or set(login) & set("@#? "):
        raise ValueError(
            "percent-encode what is special in its password, such as %40 for @, %2F for / and %23 for #"
        )


def _fault(name: str, message: str) -> Fault:
    shown = variable(name) if name in Settings.model_fields else name
    return Fault(what=f"the value cannot be read: {message}", fix=f"correct or unset {shown}", where=shown)
