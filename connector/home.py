"""An install opened for work: its settings, store, warehouse, audiences and the systems it is connected to."""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector import ads, crms, events, settings
from connector.audiences import Audiences, load_audiences
from connector.events.inbox import Inbox
from connector.ports import CRM, AdDestination, EventSource
from connector.store import Store, open_store, open_to_look
from connector.store.remotes import Remembered
from connector.warehouse.damage import explained
from connector.warehouse.tables import Warehouse


@dataclass(frozen=True, kw_only=True)
class Home:
    """Everything a run needs. Opened by `open_home`, which also closes it."""

    path: Path
    settings: settings.Settings
    store: Store
    warehouse: Warehouse
    audiences: Audiences
    crms: tuple[CRM, ...]
    sources: tuple[EventSource, ...]
    ads: tuple[AdDestination, ...] = ()


@contextmanager
def open_home(path: Path, *, only_looks: bool = False) -> Iterator[Home]:
    """Open a home.

    Args:
        only_looks: nothing will be written; a home that may only be read is good enough.

    Raises:
        SetupError: a setting, mapping or audience is wrong (named with its line), or a place cannot be opened.
    """
    chosen = settings.load(path)
    audiences = load_audiences(path)
    with ExitStack() as opened:
        store = opened.enter_context(closing((open_to_look if only_looks else open_store)(chosen.store_url(path))))
        warehouse = opened.enter_context(closing(open_warehouse(path, chosen)))
        opened.enter_context(explained(warehouse.root))
        yield Home(
            path=path,
            settings=chosen,
            store=store,
            warehouse=warehouse,
            audiences=audiences,
            crms=tuple(opened.enter_context(closing(each)) for each in build_crms(path, chosen, store)),
            sources=tuple(build_sources(path, chosen)),
            ads=tuple(opened.enter_context(closing(each)) for each in build_ads(path, chosen, store)),
        )


def open_warehouse(path: Path, chosen: settings.Settings) -> Warehouse:
    """The warehouse of a home, with the memory it may use."""
    part = chosen.warehouse
    return Warehouse(chosen.warehouse_path(path), memory_limit=part.memory_limit, threads=part.threads)


def connected(chosen: settings.Settings) -> list[str]:
    """The CRMs that the settings name."""
    return [name for name in crms.names() if getattr(chosen, name, None) is not None]


def build_crms(path: Path, chosen: settings.Settings, store: Store) -> Iterator[CRM]:
    """One adapter for each CRM that the settings name."""
    return (build_crm(path, chosen, store, name) for name in connected(chosen))


def build_crm(path: Path, chosen: settings.Settings, store: Store, name: str) -> CRM:
    """The adapter of one CRM that the settings name. Raises SetupError: its mapping or a setting is wrong."""
    return crms.build(name, _told(getattr(chosen, name), path), path, Remembered(store, name))


def _told(part: settings.HubSpotPart | settings.SalesforcePart, path: Path) -> dict[str, Any]:
    """What an adapter is told: the settings, with secrets to be asked for instead of their references."""
    values = part.model_dump()
    if isinstance(part, settings.SalesforcePart):
        return {**values, **_way_into_salesforce(part, path)}
    if part.oauth is not None:
        return {**values, "token": None, "oauth": _app(part.oauth)}
    return {**values, "token": lambda: settings.secret(part.token).get_secret_value()}


def _way_into_salesforce(part: settings.SalesforcePart, path: Path) -> dict[str, Any]:
    token, app = part.token, part.oauth
    if app is None:
        return {"token": _asked(token), "oauth": None}
    secrets = {name: _asked(getattr(app, name)) for name in ("client_secret", "private_key", "refresh_token")}
    rotated = app.refresh_token or ""
    keeping = {"keep_refresh_token": lambda token: _keep(rotated, token), "alone": lambda: _alone(path)}
    return {"token": None, "oauth": {**app.model_dump(), **secrets, **keeping}}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process of this home at a time: whoever uses a refresh token that another has just used loses both."""
    with (path / ".refresh.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _asked(reference: str | None) -> Callable[[], str]:
    """Asks for a secret when it is needed; none is the empty text."""
    return lambda: settings.secret(reference, "lamplighter connect salesforce").get_secret_value() if reference else ""


def _app(part: settings.OAuthPart) -> crms.OAuthClient:
    connect = "lamplighter connect hubspot --oauth"
    return crms.OAuthClient(
        client_id=part.client_id,
        client_secret=lambda: settings.secret(part.client_secret, connect).get_secret_value(),
        refresh_token=lambda: settings.secret(part.refresh_token, connect).get_secret_value(),
        keep_refresh_token=lambda token: _keep(part.refresh_token, token),
    )


def _keep(reference: str, value: str) -> bool:
    """Replace a secret where it is; what stands in the environment is not ours to replace."""
    kind, _, name = reference.partition(":")
    return kind == "keyring" and settings.keep_secret(name, value)


def build_sources(path: Path, chosen: settings.Settings) -> Iterator[EventSource]:
    """One reader for each source that the settings name; relative paths start at the home."""
    for part in chosen.sources:
        if part.kind == "sql":
            yield events.build_sql(part.name, _url(part.url), part.table, part.growing, part.mapping, path)
        else:
            yield build_file(path, chosen, part.kind, part.name, path / part.path, part.mapping)
    if chosen.collect is not None:
        yield Inbox(path, frozenset(chosen.ads.tcf_vendors))


def build_file(path: Path, chosen: settings.Settings, kind: str, name: str, file: Path, mapping: str) -> EventSource:
    """The reader of a file, or a folder of files; see `events.build`. Raises SetupError: its mapping is wrong."""
    return events.build(kind, name, file, mapping, path, frozenset(chosen.ads.tcf_vendors))


def _url(given: str) -> str:
    """The URL of a source's database; it stands in the settings where it holds no password."""
    fix = "put the URL there, as SQLAlchemy writes it"
    return given if given.startswith("sqlite:") else settings.secret(given, fix).get_secret_value()


def build_ads(path: Path, chosen: settings.Settings, store: Store) -> Iterator[AdDestination]:
    """One adapter for each ad platform and folder that the settings name. Raises SetupError: a setting is wrong."""
    return (build_ad(platform, told, store) for platform, told in ad_platforms(path, chosen))


def build_ad(platform: str, told: Mapping[str, Any], store: Store) -> AdDestination:
    """One of `ad_platforms`. Raises SetupError: a setting is wrong."""
    return ads.build(platform, told, Remembered(store, told["name"]))


def ad_platforms(path: Path, chosen: settings.Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """The adapters that the settings name, and what each is told: secrets to be asked for, and its name in books."""
    for platform in ("google", "meta"):
        if (part := getattr(chosen.ads, platform)) is not None:
            yield platform, {**_asking(part.model_dump()), "name": platform}
    for each in chosen.ads.files:
        yield "files", {**each.model_dump(), "folder": path / each.folder}


def _asking(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with secrets to be asked for instead of their references, those of parts included."""
    return {name: _asking(value) if isinstance(value, dict) else _secretly(value) for name, value in values.items()}


def _secretly(value: Any) -> Any:
    if not (isinstance(value, str) and settings.is_reference(value)):
        return value
    return lambda: settings.secret(value, "put it there, or name another place in lamplighter.yaml").get_secret_value()
