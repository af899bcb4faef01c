"""The home of an install: `lamplighter.yaml`, mapping overrides, the store and the warehouse in one folder.

Values come from `lamplighter.yaml`; the environment wins (`LAMPLIGHTER_STORE__URL`). Secrets never stand in the file:
it holds a reference, `env:NAME` or `keyring:NAME`, and the value prints as `**redacted**`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from connector import yaml_text
from connector.errors import SetupError

FILE = "lamplighter.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _reference(value: str) -> str:
    if not value.startswith(("env:", "keyring:")):
        raise ValueError("write env:NAME or keyring:NAME; `lamplighter connect` keeps the secret for you")
    return value


Reference = Annotated[str, AfterValidator(_reference)]
"""Where a secret is: `env:NAME` or `keyring:NAME`."""


class OAuthPart(_Part):
    """An app that an admin authorised."""

    client_id: str = Field(min_length=1)
    client_secret: Reference
    refresh_token: Reference


class HubSpotPart(_Part):
    """One HubSpot account, by token or by OAuth. Seconds are of HubSpot's own clock."""

    base_url: str = "https://api.hubapi.com"
    authorize_url: str = "https://app.hubspot.com"
    version: str = "2026-09"
    token: Reference = "keyring:hubspot"  # noqa: S105  (a reference, not a token)
    oauth: OAuthPart | None = None
    lag_seconds: float = Field(default=60, ge=0)
    overlap_seconds: float = Field(default=600, ge=0)
    delayed_seconds: float = Field(default=3_600, ge=0)
    lists: Literal["static", "properties"] = "static"
    max_lists: int = Field(default=100, ge=1, le=1_500)
    membership_chunk: int = Field(default=500, ge=1, le=5_000)
    batch_records: int = Field(5_000, ge=100, le=100_000)
    reserve_percent: float = Field(default=20, ge=0, lt=100)
    timeout_seconds: float = Field(default=30, gt=0)
    purchases: Literal["orders", "deals", "both"] = "orders"
    subscription: str = Field(default="", pattern=r"^\d*$", coerce_numbers_to_str=True)
    subscription_status: Literal["properties", "api"] = "properties"
    journal: bool = False

    @model_validator(mode="after")
    def _journal_of_an_app(self) -> Self:
        if self.journal and self.oauth is None:
            raise ValueError("the journal needs an app connected by OAuth: lamplighter connect hubspot --oauth")
        return self

    @model_validator(mode="after")
    def _status_of_a_subscription(self) -> Self:
        if self.subscription_status == "api" and not self.subscription:
            raise ValueError("subscription_status: api asks about one subscription type; say which: subscription: ID")
        return self

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.oauth and "token" in self.model_fields_set:
            raise ValueError("there is both a token and oauth; keep the one that is meant")
        return self


class SalesforceAppPart(_Part):
    """An external client app of the org, and how it proves itself."""

    flow: Literal["client_credentials", "jwt", "refresh_token"] = "client_credentials"
    client_id: str = Field(min_length=1)
    client_secret: Reference | None = None
    username: str = ""
    private_key: Reference | None = None
    refresh_token: Reference | None = None

    @model_validator(mode="after")
    def _what_the_flow_takes(self) -> Self:
        takes = {"client_credentials": ("client_secret",), "jwt": ("username", "private_key")}
        missing = [name for name in takes.get(self.flow, ("refresh_token",)) if not getattr(self, name)]
        if missing:
            raise ValueError(f"the flow {self.flow} needs {' and '.join(missing)}")
        return self


class SalesforcePart(_Part):
    """One Salesforce org, by an app of its own or by an access token."""

    instance_url: str = Field(pattern=r"^https?://")
    version: str = Field(default="66.0", pattern=r"^\d{2,3}\.0$", coerce_numbers_to_str=True)
    token: Reference | None = None
    oauth: SalesforceAppPart | None = None
    purchases: Literal["orders", "opportunities", "both"] = "orders"
    item_key: str = Field(default="", pattern=r"^\w*$")
    batch_records: int = Field(5_000, ge=100, le=100_000)
    bulk_above: int = Field(default=5_000, ge=200)
    bulk_page: int = Field(default=50_000, ge=1_000, le=250_000)
    obey_duplicate_rules: bool = False
    reserve_percent: float = Field(default=20, ge=0, lt=100)
    timeout_seconds: float = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.oauth is None) == (self.token is None):
            raise ValueError("say either oauth (an external client app) or token (an access token)")
        return self


class SourcePart(_Part):
    """One file of events, ads or products; read again at every run, which changes nothing where nothing is new."""

    name: str = Field(pattern=r"^[a-z0-9_-]{1,64}$")
    kind: Literal["segment", "ad_log", "catalogue"]
    path: Path
    mapping: str = ""


class StorePart(_Part):
    url: str = ""


class WarehousePart(_Part):
    path: Path = Path("warehouse")
    memory_limit: str = "1GB"
    threads: int = Field(default=2, ge=1, le=64)


class SchedulePart(_Part):
    """How often `serve` works. Sweeps without hours of their own come as often as their CRM holds to be worth it."""

    sync_minutes: float = Field(default=15, gt=0)
    archived_hours: float | None = Field(default=None, gt=0)
    gone_hours: float | None = Field(default=None, gt=0)
    moved_hours: float | None = Field(default=None, gt=0)
    memberships_hours: float | None = Field(default=None, gt=0)
    compact_minutes: float = Field(default=24 * 60, gt=0)
    jitter_seconds: float = Field(default=30, ge=0)


class Settings(BaseSettings):
    """Everything an admin may set."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix="LAMPLIGHTER_", env_nested_delimiter="__")

    hubspot: HubSpotPart | None = None
    salesforce: SalesforcePart | None = None
    sources: tuple[SourcePart, ...] = ()
    store: StorePart = StorePart()
    warehouse: WarehousePart = WarehousePart()
    schedule: SchedulePart = SchedulePart()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    def store_url(self, home: Path) -> str:
        """Where the store is; `state.db` in the home unless set."""
        return self.store.url or f"sqlite:///{home / 'state.db'}"

    def warehouse_path(self, home: Path) -> Path:
        """Where the warehouse is; relative to the home unless absolute."""
        return home / self.warehouse.path


def load(home: Path, trial: Mapping[str, Mapping[str, Any]] = MappingProxyType({})) -> Settings:
    """The settings of a home.

    Args:
        trial: system -> fields, as they are to be instead of what is written.

    Raises:
        SetupError: no `lamplighter.yaml`, not YAML, an unknown or unusable field (named with its line).
    """
    path = home / FILE
    if not path.is_file():
        raise SetupError(f"there is no {path}", hint=f"lamplighter init --home {home}")
    text = yaml_text.parse(path.read_text("utf-8"), str(path))
    if not isinstance(text.data, dict):
        raise text.error((), "expected fields such as `hubspot:` and `sources:`")
    tried = {name: {**(text.data.get(name) or {}), **fields} for name, fields in trial.items()}
    try:
        return Settings(**{**text.data, **tried})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise text.error(_path(first["loc"]), _plain(first)) from None


def _path(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple(location)


def _plain(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "there is no such setting"
    return str(problem["msg"]).removeprefix("Value error, ")


def secret(reference: str, connect: str = "lamplighter connect hubspot") -> SecretStr:
    """The value behind `env:NAME` or `keyring:NAME`.

    Args:
        connect: the command that puts it there.

    Raises:
        SetupError: it is not set; the message says where to put it.
    """
    kind, _, name = reference.partition(":")
    value = os.environ.get(name) if kind == "env" else _from_keyring(name)
    if not value:
        where = f"the environment variable {name}" if kind == "env" else f"the keyring entry lamplighter/{name}"
        raise SetupError(f"{where} is empty", hint=connect)
    return SecretStr(value.strip())


def keep_secret(name: str, value: str) -> bool:
    """Put a secret into the machine's keyring; False where the machine has none."""
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password("lamplighter", name, value)
    except KeyringError:
        return False
    return True


def has_keyring() -> bool:
    """Whether this machine keeps secrets: one is put there, read back and taken away."""
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password("lamplighter", "probe", "probe")
        kept = keyring.get_password("lamplighter", "probe") == "probe"
        keyring.delete_password("lamplighter", "probe")
    except KeyringError:
        return False
    return kept


def _from_keyring(name: str) -> str | None:
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password("lamplighter", name)
    except KeyringError:
        raise SetupError(
            "this machine has no keyring",
            hint="write env:NAME instead of keyring:NAME in lamplighter.yaml, and export NAME",
        ) from None
