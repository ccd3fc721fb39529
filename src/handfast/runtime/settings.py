"""The service's settings: one frozen object, built in `app.py` from the environment.

Secrets have no default. A value that cannot be read is a `ConfigError` that names the variable, never
the value.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from handfast.runtime.faults import ConfigError, Fault

Environment: TypeAlias = Literal["production", "development", "test"]
ResponseValidation: TypeAlias = Literal["raise", "log", "off"]

PREFIX = "HANDFAST_"


class Settings(BaseSettings):
    """Everything that differs between one deployment and the next.

    Five variables have names of their own (`DATABASE_URL`, `BETTER_AUTH_SECRET`, `BETTER_AUTH_URL`,
    `CORS_ORIGINS`, `LOG_LEVEL`); every other one is the attribute's name in capitals after `HANDFAST_`.
    A file `.env` in the working directory is read too; the environment wins over it, and arguments given
    here win over both.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
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
    """Connections that one process keeps at most."""

    database_timeout_seconds: float = Field(default=5.0, gt=0)
    """How long a request waits for a connection before it is answered 503."""

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

    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(default=(), validation_alias="CORS_ORIGINS")
    """Origins that browsers may call from, separated by commas; `*` allows all, without credentials."""

    log_level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        default="info", validation_alias="LOG_LEVEL"
    )
    """Lines below this level are not written."""

    body_limit_bytes: int = Field(default=10 * 1024 * 1024, ge=0)
    """Largest request body; a larger one is answered 413."""

    deadline_seconds: float = Field(default=30.0, gt=0)
    """Time that one request may take until its response begins; a longer one is answered 503."""

    response_validation: ResponseValidation | None = None
    """Whether a response that breaks the contract fails the request (`raise`), is logged and counted (`log`)
    or is not looked for (`off`); unset means `log` in production and `raise` elsewhere."""

    docs: bool = True
    """Whether `/docs` is served."""

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
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
        try:
            settings: Settings = handler(value)
        except ValidationError as error:
            raise ConfigError(
                _fault(str(entry["loc"][0]), entry["msg"]) for entry in error.errors()
            ) from None
        return settings

    @property
    def production(self) -> bool:
        """Whether nothing may be amiss."""
        return self.env == "production"

    @property
    def check_responses(self) -> ResponseValidation:
        """`response_validation` with its default filled in."""
        return self.response_validation or ("log" if self.production else "raise")


def variable(field: str) -> str:
    """Return the environment variable that sets the attribute `field`."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else PREFIX + field.upper()


def _fault(name: str, message: str) -> Fault:
    shown = variable(name) if name in Settings.model_fields else name
    return Fault(what=f"the value cannot be read: {message}", fix=f"correct or unset {shown}", where=shown)
