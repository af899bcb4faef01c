"""`lamplighter demo`: an admin's install on a shop of its own, from empty folder to what a marketer sees."""

import re
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from connector.cli import demo_ads, report
from connector.cli import explain as explain_command
from connector.cli.demo_ads import AdAccount
from connector.cli.demo_world import CRMS, Sandbox, end_of, folder, refuse_install, sandboxes, set_up, shop
from connector.cli.hubspot_view import HubSpotView
from connector.cli.options import Json
from connector.cli.salesforce_view import SalesforceView
from connector.cli.serve import jobs_command
from connector.cli.terminal import heading, print_json, say, table, watching
from connector.explain import explain
from connector.home import open_home
from connector.pipeline import Options, Report, run

DANA = "dana@example.com"
"""She is in the lamp shop: bought a pendant lamp in another colour than she had looked at, and is still shown it."""

TICK = 2.0
"""Seconds between the first pass and the next: CRMs tell their time in whole seconds, and what was written within
the last of them is looked at twice."""


World = Annotated[Path | None, typer.Option("--world", metavar="DIR", help="A shop's files; the lamp shop without.")]
Home = Annotated[
    Path | None, typer.Option("--home", metavar="DIR", help="Keep the install here.", show_default="gone afterwards")
]
Ads = Annotated[bool, typer.Option("--ads/--no-ads", help="Advertise at a sandbox Google and Meta, too.")]
Serve = Annotated[bool, typer.Option("--serve", help="Then keep the sandbox and the scheduler running until Ctrl-C.")]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the demo has to tell.

    Attributes:
        first, second, third: reports of the passes: everything; our own writes seen again; nothing new at all.
        lists: CRM -> name -> size, as the CRM has it.
        contact: CRM -> label -> value of our properties on one contact, as the CRM has them.
        ads: what `lamplighter ads` tells; empty where there is no ad platform.
        seconds: from the start of the install to the end of the first pass.
    """

    first: Report
    second: Report
    third: Report
    lists: Mapping[str, Mapping[str, int]]
    contact: Mapping[str, Mapping[str, str]]
    ads: dict[str, Any]
    seconds: float

    @property
    def exit_code(self) -> int:
        """Green when all passes are, and the later ones had nothing to write."""
        codes = (self.first.exit_code, self.second.exit_code, self.third.exit_code)
        return max(codes) or int(_writes(self.second) + _writes(self.third) > 0)


def command(
    world: World = None,
    crm: Annotated[
        Literal["hubspot", "salesforce", "both"], typer.Option("--crm", help="Which CRM, or both in one install.")
    ] = "hubspot",
    home: Home = None,
    json: Json = False,
    serve: Serve = False,
    ads: Ads = True,
) -> None:
    """Fill a sandbox CRM with a shop, run passes over it, and print what a marketer sees there and in ads."""
    with folder(home) as place:
        refuse_install(place)
        files = shop(world, place)
        with sandboxes(files, crm, ads=ads) as (systems, accounts):
            shown = _passes(place, files, systems, accounts)
            if json:
                print_json(_as_json(CRMS[crm], shown))
            else:
                _show(CRMS[crm], place, shown, story=world is None)
            if serve:
                _keep_running(place, systems)
    raise typer.Exit(shown.exit_code)


def _passes(home: Path, world: Path, systems: Sequence[Sandbox], accounts: Sequence[AdAccount]) -> Shown:
    began = time.monotonic()
    set_up(home, world, systems, accounts)
    as_of = end_of(world)
    first = _pass(home, as_of, facts=True)
    seconds = time.monotonic() - began
    time.sleep(TICK)
    second, third = _pass(home, as_of, facts=False), _pass(home, as_of, facts=False)
    lists, contact = dict[str, Mapping[str, int]](), dict[str, Mapping[str, str]]()
    for each in systems:
        view = _view(each, home)
        lists[each.crm], contact[each.crm] = view.lists(), view.contact(DANA) or view.anybody()
    told = demo_ads.found(home) if accounts else {}
    return Shown(first=first, second=second, third=third, lists=lists, contact=contact, ads=told, seconds=seconds)


def _view(system: Sandbox, home: Path) -> HubSpotView | SalesforceView:
    if system.crm == "salesforce":
        return SalesforceView(system.url, system.token, "66.0", home)
    return HubSpotView(system.url, system.token, "2026-09", home)


def _pass(home: Path, as_of: datetime, *, facts: bool) -> Report:
    """A pass as `lamplighter run` would make it: everything opened anew."""
    with open_home(home) as opened, watching() as watcher:
        return run(opened, Options(as_of=as_of, facts=facts), watcher)


def _as_json(crms: Sequence[str], shown: Shown) -> dict[str, Any]:
    return {
        **shown.first.as_json(),
        "second_run": _quiet(shown.second),
        "third_run": _quiet(shown.third),
        "crm": {crm: {"lists": shown.lists[crm], "contact": shown.contact[crm]} for crm in crms},
        **({"ad_platforms": shown.ads} if shown.ads else {}),
        "wall_seconds": round(shown.seconds, 1),
        "peak_memory_mb": peak_memory_mb(),
    }


def _quiet(report: Report) -> dict[str, Any]:
    reads = sum(calls.reads for calls in report.calls.values())
    calls = {crm: {"made": one.made, "floor": one.floor} for crm, one in report.calls.items()}
    return {"status": report.status, "reads": reads, "writes": _writes(report), "calls": calls}


def _show(crms: Sequence[str], home: Path, shown: Shown, *, story: bool) -> None:
    _show_first(shown)
    for crm in crms:
        _show_crm(crm, shown)
    if shown.ads:
        demo_ads.show(shown.ads)
    if story:
        _tell_danas_story(home)
    _show_costs((*crms, *shown.ads.get("platforms", ())), shown)


def _show_first(shown: Shown) -> None:
    first = shown.first.as_json()
    report.show_run(first["run"])
    report.show_facts(first["facts"])
    report.show_books(first["books"])
    for note in (*first["notes"], *shown.second.notes):
        say(f"! {note}")


def _show_crm(crm: str, shown: Shown) -> None:
    heading(f"Lists, as {crm} now holds them")
    table(("list", "people"), list(shown.lists[crm].items()))
    heading(f"On one contact in {crm}")
    for label, value in shown.contact[crm].items():
        say(f"{label}: {value}")


def _tell_danas_story(home: Path) -> None:
    heading(f"lamplighter explain {DANA}")
    with open_home(home) as opened:
        explain_command.show(explain(opened, DANA))


def _show_costs(systems: Sequence[str], shown: Shown) -> None:
    heading("What it took")
    passes = {"first pass": shown.first, "second pass, sees our own writes": shown.second}
    for system in systems:
        for name, done in {**passes, "third pass, no news": shown.third}.items():
            say(f"{system}, {name}: {report.calls_in_words(done.as_json()['calls'][system])}")
    if _writes(shown.second) or _writes(shown.third):
        say("! a later pass had no news, and wrote all the same: please report this")
    balanced = all(one.balanced for one in (shown.first, shown.second, shown.third))
    say(f"books {'balance' if balanced else 'DO NOT BALANCE'}; {shown.seconds:.1f} s; {peak_memory_mb():,} MB at most")


def _writes(done: Report) -> int:
    return sum(counted.writes for counted in done.calls.values())


def peak_memory_mb() -> int:
    """The most memory this process has held, in MB of 2**20 bytes.

    Linux hands `ru_maxrss` on to a child program, so a demo started by something large would report that; VmHWM is
    this program's alone.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) // 2**10  # type: ignore[index]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)


def _keep_running(home: Path, systems: Sequence[Sandbox]) -> None:
    """The scheduler in a process of its own, which Ctrl-C reaches too and which ends cleanly by itself."""
    where = ", ".join(f"{each.crm} {each.url}" for each in systems)
    say(f"\nserving: sandbox {where}, home {home}; Ctrl-C ends all")
    child = subprocess.Popen(jobs_command(home))  # noqa: S603
    while child.poll() is None:
        try:
            child.wait()
        except KeyboardInterrupt:
            continue
