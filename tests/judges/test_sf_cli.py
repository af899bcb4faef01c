"""Salesforce's own command line runs against the sandbox: log in, query, describe, and move records in bulk."""

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from salesforce_certificate import pair

from connector.sandbox.salesforce_org import ORG_ID
from connector.sandbox.salesforce_serve import SalesforceSandbox

JUDGE = Path(__file__).parent / "sf"
USER = "sync@lamp.example"
TOKEN = f"{ORG_ID[:15]}!AQsandbox"
QUIET = {
    "NO_COLOR": "1",
    "SF_AUTOUPDATE_DISABLE": "true",
    "SF_DISABLE_LOG_FILE": "true",
    "SF_DISABLE_TELEMETRY": "true",
    "SF_SKIP_NEW_VERSION_CHECK": "true",
    "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
}
pytestmark = [pytest.mark.slow, pytest.mark.node]

Sf = Callable[..., Any]


@pytest.fixture(scope="module")
def program(npm_ci: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command line in the version of the lock file, in a folder outside the project."""
    folder = tmp_path_factory.mktemp("sf") / "judge"
    shutil.copytree(JUDGE, folder, ignore=shutil.ignore_patterns("node_modules"))
    npm_ci(folder)
    return folder / "node_modules" / ".bin" / "sf"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SalesforceSandbox]:
    """An org without people, whose contacts have a key of ours, and whose app may log in by JWT."""
    settings = {"certificate": pair().certificate, "admin_approved": [USER], "job_polls": 0}
    with SalesforceSandbox(token=TOKEN, settings=settings) as running:
        with running.org.state.lock:
            running.org.add_field(running.org.schema["Contact"], "Judge_Key__c string:40 cufsgnUEI")
        yield running


@pytest.fixture
def sf(program: Path, sandbox: SalesforceSandbox, tmp_path: Path) -> Sf:
    """Runs a command; returns the result of its JSON. It keeps its logins in a home of its own."""
    told = {"HOME": str(program.parents[3]), "SF_ACCESS_TOKEN": TOKEN, "SF_AUDIENCE_URL": sandbox.url, **QUIET}
    environment = {**os.environ, **told}

    def run(*words: str, fails: bool = False) -> Any:
        command = [program, *words, "--json"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert bool(done.returncode) is fails, done.stdout[-3000:] + done.stderr[-2000:]
        return json.loads(done.stdout) if fails else json.loads(done.stdout)["result"]

    return run


@pytest.fixture
def org(sf: Sf, sandbox: SalesforceSandbox) -> Sf:
    """The same, logged in by an access token."""
    sf("org", "login", "access-token", "--instance-url", sandbox.url, "--no-prompt")

    def run(*words: str, fails: bool = False) -> Any:
        return sf(*words, "--target-org", USER, fails=fails)

    return run


def write(path: Path, *rows: tuple[str, ...]) -> str:
    """A file of CSV with LF; returns its name."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return path.name


def test_login_by_jwt(sf: Sf, sandbox: SalesforceSandbox, tmp_path: Path) -> None:
    """With the app's key, at the org's own host; afterwards it queries, and lists the limits."""
    (tmp_path / "app.pem").write_text(pair().key)
    key = ("--jwt-key-file", "app.pem", "--client-id", sandbox.org.settings.consumer_key)
    got = sf("org", "login", "jwt", "--username", USER, *key, "--instance-url", sandbox.url)
    assert (got["username"], got["orgId"]) == (USER, ORG_ID)
    limits = {one["name"]: one["max"] for one in sf("org", "list", "limits", "--target-org", USER)}
    assert limits["DailyApiRequests"] == 100_000


def test_bulk_there_and_back(org: Sf, tmp_path: Path) -> None:
    """Import, query, export and upsert: line breaks, quotes and umlauts come back as they went."""
    text = 'two\nlines, "quoted"'
    rows = ("LastName", "Description", "Judge_Key__c"), ("Müller", text, "k1"), ("Reed", "plain", "k2")
    file = ("--file", write(tmp_path / "in.csv", *rows), "--sobject", "Contact", "--line-ending", "LF", "--wait", "2")
    assert org("data", "import", "bulk", *file)["successfulRecords"] == 2

    found = org(
        "data", "query", "--query", "SELECT LastName, Description, Owner.Username FROM Contact ORDER BY LastName"
    )
    assert [one["LastName"] for one in found["records"]] == ["Müller", "Reed"]
    assert (found["records"][0]["Description"], found["records"][0]["Owner"]["Username"]) == (text, USER)

    asked = ("--query", "SELECT Id, LastName, Description FROM Contact", "--output-file", "out.csv", "--wait", "2")
    assert org("data", "export", "bulk", *asked, "--result-format", "csv")["totalSize"] == 2
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as out:
        assert {one["LastName"]: one["Description"] for one in csv.DictReader(out)} == {"Müller": text, "Reed": "plain"}

    rows = ("Judge_Key__c", "LastName"), ("k1", "Miller"), ("k3", "Poe")
    file = ("--file", write(tmp_path / "up.csv", *rows), "--sobject", "Contact", "--line-ending", "LF", "--wait", "2")
    got = org("data", "upsert", "bulk", *file, "--external-id", "Judge_Key__c")["records"]["successfulResults"]
    assert {one["Judge_Key__c"]: one["sf__Created"] for one in got} == {"k1": "false", "k3": "true"}


def test_a_bulk_job_that_fails(org: Sf, tmp_path: Path) -> None:
    """The command line tells the job's own sentence."""
    file = write(tmp_path / "bad.csv", ("LastName", "Nonsense__c"), ("Reed", "1"))
    words = ("--file", file, "--sobject", "Contact", "--line-ending", "LF", "--wait", "2")
    told = org("data", "import", "bulk", *words, fails=True)
    assert "InvalidBatch : Field name not found : Nonsense__c" in told["message"]


def test_one_record(org: Sf) -> None:
    """Made, read, deleted; an error of the query in Salesforce's words."""
    made = org("data", "create", "record", "--sobject", "Campaign", "--values", "Name='Gold tier'")
    which = ("--sobject", "Campaign", "--record-id", made["id"])
    assert org("data", "get", "record", *which)["Name"] == "Gold tier"
    assert org("data", "delete", "record", *which)["success"] is True
    wrong = org("data", "query", "--query", "SELECT Nonsense__c FROM Contact", fails=True)
    assert "No such column 'Nonsense__c'" in wrong["message"]


def test_describe(org: Sf) -> None:
    """One object with its fields, and the names of all."""
    contact = org("sobject", "describe", "--sobject", "Contact")
    assert {one["name"]: one["type"] for one in contact["fields"]}["Email"] == "email"
    assert {"Campaign", "CampaignMember", "Contact", "OrderItem"} <= set(org("sobject", "list"))
