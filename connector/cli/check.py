"""`lamplighter check`: everything an admin should know before the first run, each with its fix."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from connector import settings
from connector.audiences import load_audiences
from connector.cli import options
from connector.cli.fix import fix as fixed
from connector.cli.terminal import print_json, say
from connector.collect.serve import tried
from connector.errors import LamplighterError, SetupError
from connector.home import ad_platforms, build_ad, build_crm, build_sources, connected, open_warehouse
from connector.model import Finding
from connector.ports import CRM, AdDestination
from connector.store import Store, open_store

Fix = Annotated[bool, typer.Option("--fix", help="First create at the CRM what is missing there.")]


def command(home: options.Home = options.HOME, fix: Fix = False, json: options.Json = False) -> None:
    """Try settings, mappings, files, both places and each connected system; exit 2 where something needs doing."""
    findings = [*(fixed(home) if fix else ()), *look(home)]
    if json:
        names = ("ok", "title", "detail", "fix")
        print_json({"findings": [{name: getattr(one, name) for name in names} for one in findings]})
    else:
        show(findings)
        if fix and not all(one.ok for one in findings):
            say("\nwhat is marked FIX only a person can do")
    raise typer.Exit(0 if all(one.ok for one in findings) else SetupError.exit_code)


def show(findings: Sequence[Finding], tell: Callable[[str], None] = say) -> None:
    """One line each, the fix below."""
    for one in findings:
        tell(f"{'ok ' if one.ok else 'FIX'}  {one.title}: {one.detail}")
        if one.fix:
            tell(f"     -> {one.fix}")


def look(home: Path) -> Iterator[Finding]:
    """What can be found out without changing anything at the other end. Without settings there is only one finding."""
    try:
        chosen = settings.load(home)
    except LamplighterError as error:
        yield _wrong("settings", error)
        return
    yield Finding(ok=True, title="settings", detail=f"{home / settings.FILE} is valid")
    yield from _tried("audiences", lambda: f"{len(load_audiences(home).audiences)} audiences")
    for part in chosen.sources:
        yield from _tried(f"source {part.name}", lambda part=part: _source(home, chosen, part))  # type: ignore[misc]
    if (collect := chosen.collect) is not None:
        yield from _tried("collector", lambda: tried(collect))
    yield from _tried("warehouse", lambda: _warehouse(home, chosen))
    yield from _store_and_crms(home, chosen)


def _tried(title: str, work: Callable[[], str]) -> Iterator[Finding]:
    try:
        yield Finding(ok=True, title=title, detail=work())
    except LamplighterError as error:
        yield _wrong(title, error)


def _wrong(title: str, error: LamplighterError) -> Finding:
    return Finding(ok=False, title=title, detail=error.message, fix=error.hint)


def _source(home: Path, chosen: settings.Settings, part: settings.SourcePart) -> str:
    for source in build_sources(home, chosen.model_copy(update={"sources": (part,)})):
        path = home / part.path
        if part.kind == "sql":
            next(source.pull(source.streams()[0], None, lambda keys: {}), None)
        elif not path.exists():
            raise SetupError(f"there is no file {path}", hint=f"put it there, or change its path in {settings.FILE}")
    return f"{part.kind} {part.table if part.kind == 'sql' else part.path}"


def _warehouse(home: Path, chosen: settings.Settings) -> str:
    open_warehouse(home, chosen).close()
    return str(chosen.warehouse_path(home))


def _store_and_crms(home: Path, chosen: settings.Settings) -> Iterator[Finding]:
    try:
        store = open_store(chosen.store_url(home))
    except LamplighterError as error:
        yield _wrong("store", error)
        return
    try:
        yield Finding(ok=True, title="store", detail=store.engine.dialect.name)
        yield from _crms(home, chosen, store)
        yield from _ads(home, chosen, store)
    finally:
        store.close()


def _crms(home: Path, chosen: settings.Settings, store: Store) -> Iterator[Finding]:
    """Each by itself: what is wrong with one keeps nobody from hearing of the other."""
    names = connected(chosen)
    if not names:
        fix = "lamplighter connect hubspot, or lamplighter connect salesforce"
        yield Finding(ok=False, title="CRM", detail="none is connected", fix=fix)
    for name in names:
        yield from _system(name, lambda name=name: build_crm(home, chosen, store, name))  # type: ignore[misc]


def _ads(home: Path, chosen: settings.Settings, store: Store) -> Iterator[Finding]:
    for platform, told in ad_platforms(home, chosen):
        yield from _system(told["name"], lambda platform=platform, told=told: build_ad(platform, told, store))  # type: ignore[misc]


def _system(name: str, build: Callable[[], CRM | AdDestination]) -> Iterator[Finding]:
    try:
        findings = build().check()
    except LamplighterError as error:
        yield _wrong(f"{name}: settings or mapping", error)
        return
    for one in findings:
        yield Finding(ok=one.ok, title=f"{name}: {one.title}", detail=one.detail, fix=one.fix)
