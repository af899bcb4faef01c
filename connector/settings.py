"""The home of an install: `lamplighter.yaml`, mapping overrides, the store and the warehouse in one folder.

Values come from `lamplighter.yaml`; the environment wins (`LAMPLIGHTER_STORE__URL`). Secrets never stand in the file:
it holds a reference, `env:NAME` or `keyring:NAME`, and the value prints as `**redacted**`.
"""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from connector import yaml_text
from connector.errors import SetupError

FILE = "lamplighter.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HubSpotPart(_Part):
    """One HubSpot account. Seconds are of HubSpot's own clock."""

    base_url: str = "https://api.hubapi.com"
    version: str = "2026-09"
    token: str = "keyring:hubspot"  # noqa: S105  (a reference, not a token)
    lag_seconds: float = Field(default=60, ge=0)
    overlap_seconds: float = Field(default=600, ge=0)
    membership_chunk: int = Field(default=500, ge=1, le=5_000)
    batch_records: int = Field(5_000, ge=100, le=100_000)
    reserve_percent: float = Field(default=20, ge=0, lt=100)
    timeout_seconds: float = Field(default=30, gt=0)

    @field_validator("token")
    @classmethod
    def _reference(cls, value: str) -> str:
        if not value.startswith(("env:", "keyring:")):
            raise ValueError("write env:NAME or keyring:NAME; `lamplighter connect hubspot` keeps the token for you")
        return value


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
    """How often `serve` works. Minutes."""

    sync_minutes: float = Field(default=15, gt=0)
    compact_minutes: float = Field(default=24 * 60, gt=0)
    jitter_seconds: float = Field(default=30, ge=0)


class Settings(BaseSettings):
    """Everything an admin may set."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix="LAMPLIGHTER_", env_nested_delimiter="__")

    hubspot: HubSpotPart | None = None
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


def load(home: Path) -> Settings:
    """The settings of a home.

    Raises:
        SetupError: no `lamplighter.yaml`, not YAML, an unknown or unusable field (named with its line).
    """
    path = home / FILE
    if not path.is_file():
        raise SetupError(f"there is no {path}", hint=f"lamplighter init --home {home}")
    text = yaml_text.parse(path.read_text("utf-8"), str(path))
    if not isinstance(text.data, dict):
        raise text.error((), "expected fields such as `hubspot:` and `sources:`")
    try:
        return Settings(**text.data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise text.error(_path(first["loc"]), _plain(first)) from None


def _path(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple(location)


def _plain(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "there is no such setting"
    return str(problem["msg"]).removeprefix("Value error, ")


def secret(reference: str) -> SecretStr:
    """The value behind `env:NAME` or `keyring:NAME`.

    Raises:
        SetupError: it is not set; the message says where to put it.
    """
    kind, _, name = reference.partition(":")
    value = os.environ.get(name) if kind == "env" else _from_keyring(name)
    if not value:
        where = f"the environment variable {name}" if kind == "env" else f"the keyring entry lamplighter/{name}"
        raise SetupError(f"{where} is empty", hint="lamplighter connect hubspot")
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


def _from_keyring(name: str) -> str | None:
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password("lamplighter", name)
    except KeyringError:
        raise SetupError(
            "this machine has no keyring", hint="set hubspot.token to env:NAME in lamplighter.yaml and export NAME"
        ) from None
