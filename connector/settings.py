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


def is_reference(value: str) -> bool:
    """Whether a setting says where a secret is, and not what it is."""
    return value.startswith(("env:", "keyring:"))


def _reference(value: str) -> str:
    if not is_reference(value):
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


_OF_A_DATABASE = ("url", "table", "growing")


def _database(value: str) -> str:
    return value if value.startswith("sqlite:") else _reference(value)


class SourcePart(_Part):
    """Events, ads or products in a file, a folder of files or a table; looked at in every run, read on from where the
    last one stopped."""

    name: str = Field(pattern=r"^[a-z0-9_-]{1,64}$")
    kind: Literal["segment", "ga4", "meta_events", "snowplow", "cm360", "ad_log", "events", "sql", "catalogue"]
    path: Path = Path()
    mapping: str = ""
    url: Annotated[str, AfterValidator(_database)] = ""
    table: str = ""
    growing: str = ""

    @model_validator(mode="after")
    def _where_it_is(self) -> Self:
        needs, foreign = (("url", "growing"), ("path",)) if self.kind == "sql" else (("path",), _OF_A_DATABASE)
        if missing := [name for name in needs if name not in self.model_fields_set]:
            raise ValueError(f"a source of kind {self.kind} needs {' and '.join(missing)}")
        if odd := [name for name in foreign if name in self.model_fields_set]:
            raise ValueError(f"a source of kind {self.kind} has no {' and no '.join(odd)}")
        return self


class GoogleAdsPart(_Part):
    """One Google Ads account, through the Data Manager API, by a service account's key file or by OAuth."""

    account: str = Field(pattern=r"^\d{3}-?\d{3}-?\d{4}$", coerce_numbers_to_str=True)
    login_account: str = Field(default="", pattern=r"^(\d{3}-?\d{3}-?\d{4})?$", coerce_numbers_to_str=True)
    service_account: Reference | None = None
    oauth: OAuthPart | None = None
    terms_accepted: bool = False
    max_lists: int = Field(default=100, ge=1)
    conversion_action: str = Field(default="", pattern=r"^\d*$", coerce_numbers_to_str=True)
    merchant_id: str = Field(default="", pattern=r"^\d*$", coerce_numbers_to_str=True)
    base_url: str = "https://datamanager.googleapis.com"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105  (an address)
    timeout_seconds: float = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.oauth is None) == (self.service_account is None):
            raise ValueError("say either service_account (its key file, as JSON) or oauth (an app and a refresh token)")
        return self


class MetaAdsPart(_Part):
    """One Meta ad account, by the token of a system user."""

    account: str = Field(pattern=r"^(act_)?\d+$", coerce_numbers_to_str=True)
    token: Reference
    app_secret: Reference | None = None
    dataset: str = Field(default="", pattern=r"^\d*$", coerce_numbers_to_str=True)
    action_source: Literal["system_generated", "physical_store"] = "system_generated"
    limited_data_use: bool = False
    max_lists: int = Field(default=450, ge=1, le=500)
    reserve_percent: float = Field(default=20, ge=0, lt=100)
    base_url: str = "https://graph.facebook.com"
    version: str = Field(default="v25.0", pattern=r"^v\d+\.\d+$")
    timeout_seconds: float = Field(default=60, gt=0)


class AdFilePart(_Part):
    """A folder into which lists are written in the form that a platform takes by hand or by SFTP."""

    name: str = Field(pattern=r"^[a-z0-9_-]{1,64}$")
    platform: Literal["google", "meta", "microsoft", "linkedin", "tiktok", "criteo", "the_trade_desk"]
    folder: Path


class AdsPart(_Part):
    """Where the shop advertises."""

    google: GoogleAdsPart | None = None
    meta: MetaAdsPart | None = None
    files: tuple[AdFilePart, ...] = ()


class CollectPart(_Part):
    """What comes in over HTTP. An endpoint is there when its secret is, the pixel when it is switched on."""

    host: str = "127.0.0.1"
    port: int = Field(default=8321, ge=0, le=65_535)
    write_key: Reference | None = None
    segment_secret: Reference | None = None
    hubspot_secret: Reference | None = None
    public_url: str = Field(default="", pattern=r"^(https?://\S*[^/\s])?$")
    pixel: bool = False
    origins: tuple[Annotated[str, Field(pattern=r"^https?://[^/\s]+$")], ...] = ()
    max_body_bytes: int = Field(default=512_000, ge=1_000, le=50_000_000)
    requests_per_second: float = Field(default=100, gt=0)
    pause_seconds: float = Field(default=30, ge=0)
    keep_days: float = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _what_an_endpoint_needs(self) -> Self:
        if self.hubspot_secret and not self.public_url:
            raise ValueError("HubSpot signs the address that it calls: say it, public_url: https://...")
        if self.pixel and not self.origins:
            raise ValueError("say on which sites the pixel is, origins: [https://shop.example]")
        return self


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


class RetentionPart(_Part):
    """How many days things are kept."""

    impression_days: float = Field(default=180, gt=0)
    event_days: float = Field(default=396, gt=0)
    rejected_days: float = Field(default=90, gt=0)
    outbox_days: float = Field(default=90, gt=0)
    ledger_days: float = Field(default=396, ge=90)


class Settings(BaseSettings):
    """Everything an admin may set."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix="LAMPLIGHTER_", env_nested_delimiter="__")

    hubspot: HubSpotPart | None = None
    salesforce: SalesforcePart | None = None
    sources: tuple[SourcePart, ...] = ()
    ads: AdsPart = AdsPart()
    collect: CollectPart | None = None
    store: StorePart = StorePart()
    warehouse: WarehousePart = WarehousePart()
    schedule: SchedulePart = SchedulePart()
    retention: RetentionPart = RetentionPart()

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
