"""`lamplighter.yaml` and the environment, read."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from connector import yaml_text
from connector.errors import SetupError
from connector.settings.ads import AdsPart
from connector.settings.alerts import AlertsPart
from connector.settings.crms import HubSpotPart, SalesforcePart
from connector.settings.guard import GuardPart
from connector.settings.observing import MetricsPart
from connector.settings.sources import CollectPart, SourcePart
from connector.settings.upkeep import BackupPart, RetentionPart, SchedulePart, StorePart, WarehousePart

FILE = "lamplighter.yaml"
PREFIX = "LAMPLIGHTER_"


class Settings(BaseSettings):
    """Everything an admin may set."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__")

    hubspot: HubSpotPart | None = None
    salesforce: SalesforcePart | None = None
    sources: tuple[SourcePart, ...] = ()
    ads: AdsPart = AdsPart()
    collect: CollectPart | None = None
    store: StorePart = StorePart()
    warehouse: WarehousePart = WarehousePart()
    schedule: SchedulePart = SchedulePart()
    retention: RetentionPart = RetentionPart()
    backup: BackupPart = BackupPart()
    metrics: MetricsPart | None = None
    guard: GuardPart = GuardPart()
    alerts: AlertsPart = AlertsPart()

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
    if not yaml_text.exists(path):
        raise SetupError(f"there is no {path}", hint=f"lamplighter init --home {home}")
    text = yaml_text.load_file(path)
    if not isinstance(text.data, dict):
        raise text.error((), "expected fields such as `hubspot:` and `sources:`")
    tried = {name: {**(text.data.get(name) or {}), **fields} for name, fields in trial.items()}
    try:
        return Settings(**{**text.data, **tried})
    except SettingsError as error:  # a group that the environment spells is no JSON
        raise SetupError(
            f"the environment: {error}", hint=f"unset that variable, or correct it ({PREFIX}...)"
        ) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise text.error(_path(first["loc"]), _plain(first)) from None


def _path(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple(location)


def _plain(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "there is no such setting"
    return str(problem["msg"]).removeprefix("Value error, ")
