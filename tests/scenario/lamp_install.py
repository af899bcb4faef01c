"""One shop in a test: its world, its sandbox HubSpot and the install on it."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connector.cli.demo_world import SOURCES, file_of
from connector.cli.init import create
from connector.cli.settings_file import append
from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.sandbox.serve import Sandbox

TOKEN = "SCENARIO_TOKEN"
VERSION = "2026-09"


@dataclass
class Shop:
    """One shop: its CRM, its install, and the moment its world ends."""

    world: Path
    home: Path
    sandbox: Sandbox
    end: datetime
    settings: dict[str, Any] = field(default_factory=dict)

    def install(self) -> None:
        """What an admin does before the first run."""
        create(self.home)
        self.point()

    def point(self) -> None:
        """Let the install find the sandbox, wherever it answers now."""
        lines = ["hubspot:", f"  base_url: {self.sandbox.url}", f"  token: env:{TOKEN}"]
        lines += [
            f"  {name}: {value}" for name, value in {"lag_seconds": 0, "overlap_seconds": 0, **self.settings}.items()
        ]
        lines += ["", "sources:"]
        for name, (kind, file) in SOURCES.items():
            if (path := file_of(self.world, file)) is None:
                continue
            lines += [f"  - name: {name}", f"    kind: {kind}", f"    path: {json.dumps(str(path))}"]
        (self.home / "lamplighter.yaml").unlink(missing_ok=True)
        create(self.home)
        append(self.home, "\n".join(lines))

    def run(self, *, days: float = 0, **options: Any) -> Report:
        """One pass, so many days after the world's end."""
        with open_home(self.home) as opened:
            return run(opened, Options(as_of=self.end + timedelta(days=days), **options))

    def crm(self) -> dict[str, Any]:
        """What a marketer sees: list -> members, contact -> our properties."""
        state = self.sandbox.portal.state()
        lists = {name: tuple(each["members"]) for name, each in state["lists"].items()}
        return {"lists": lists, "contacts": state["contacts"]}

    def lists_of(self, contact: str) -> set[str]:
        """The lists a contact is in, without the prefix of ours."""
        prefix = "Lamplighter: "
        return {name.removeprefix(prefix) for name, who in self.crm()["lists"].items() if contact in who}

    def contact(self, email: str) -> str:
        """The CRM's id of a contact."""
        answer = self.api("GET", f"contacts/{email}?idProperty=email")
        return str(answer["id"])

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """What somebody does in the portal; leaves no trace in the journal."""
        answer = self.sandbox.portal.act(method, f"/crm/objects/{VERSION}/{path}", body)
        assert answer.status < 300, answer.content
        return answer.content

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """Requests after number `since`, as the CRM saw them."""
        found: list[dict[str, Any]] = self.sandbox.journal.since(since)["requests"]
        return found

    def last_request(self) -> int:
        """Number of the newest request."""
        return int(self.sandbox.journal.counts()["last"])
