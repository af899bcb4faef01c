"""One shop, kept in either CRM: what is known of it is the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from connector import limits
from connector.cli.demo_world import SOURCES, end_of, file_of
from connector.cli.init import create
from connector.cli.settings_file import append
from connector.home import open_home
from connector.pipeline import Options, run
from connector.sandbox.lamp_shop import write_world
from connector.sandbox.salesforce_serve import SalesforceSandbox
from connector.sandbox.serve import Sandbox

SOURCE = Path(__file__).parents[2] / "install" / "salesforce" / "force-app"
TOKEN = "FACTS_TOKEN"


def sandbox(world: Path, crm: str, **options: Any) -> tuple[Sandbox, list[str]]:
    """A CRM filled with a world, and what the settings say of it."""
    if crm == "hubspot":
        hubspot = Sandbox(world)
        told = [f"base_url: {hubspot.url}", "lag_seconds: 0", "overlap_seconds: 0"]
        return hubspot, told
    org = SalesforceSandbox(world, **options)
    org.levers["deploy"](str(SOURCE))
    org.levers["assign"]("Lamplighter_Connector")
    return org, [f"instance_url: {org.url}"]


def facts(world: Path, home: Path, monkeypatch: pytest.MonkeyPatch, crm: str, **options: Any) -> dict[str, Any]:
    """What a first run knows; the next one asks once, and writes nothing."""
    opened, told = sandbox(world, crm, **options)
    monkeypatch.setenv(TOKEN, opened.token)
    lines = [f"{crm}:", *(f"  {line}" for line in [*told, f"token: env:{TOKEN}"]), "sources:"]
    for name, (kind, file) in SOURCES.items():
        if path := file_of(world, file):
            lines += [f"  - name: {name}", f"    kind: {kind}", f"    path: {json.dumps(str(path))}"]
    create(home)
    append(home, "\n".join(lines))
    with opened:
        with open_home(home) as install:
            report = run(install, Options(as_of=end_of(world), facts=True))
        assert report.status == "done"
        with open_home(home) as install:
            again = run(install, Options(as_of=end_of(world)))
        assert again.calls[crm].writes == 0
    return dict(report.as_json()["facts"])


@pytest.mark.slow
def test_the_same_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From HubSpot, from Salesforce, and from Salesforce with person accounts."""
    write_world(tmp_path / "world")
    limits.never_wait()
    try:
        first = facts(tmp_path / "world", tmp_path / "h", monkeypatch, "hubspot")
        second = facts(tmp_path / "world", tmp_path / "s", monkeypatch, "salesforce")
        third = facts(tmp_path / "world", tmp_path / "p", monkeypatch, "salesforce", person_accounts=True)
    finally:
        limits.never_wait(False)
    assert first["buyers"] > 0
    assert first == second == third
