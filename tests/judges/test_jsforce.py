"""jsforce, a client that nobody here wrote, finds in the sandbox Salesforce what it expects of Salesforce."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.sandbox.salesforce_serve import SalesforceSandbox

JUDGE = Path(__file__).parent / "jsforce"
pytestmark = [pytest.mark.slow, pytest.mark.node]

Deed = Callable[[str], Any]


@pytest.fixture(scope="module")
def installed(npm_ci: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the project with jsforce in the version of the lock file."""
    folder = tmp_path_factory.mktemp("jsforce") / "judge"
    shutil.copytree(JUDGE, folder, ignore=shutil.ignore_patterns("node_modules"))
    npm_ci(folder)
    return folder


@pytest.fixture
def sandbox() -> Iterator[SalesforceSandbox]:
    """An org without people, whose contacts have a key of ours."""
    with SalesforceSandbox() as running:
        with running.org.state.lock:
            running.org.add_field(running.org.schema["Contact"], "Judge_Key__c string:40 cufsgnUEI")
        yield running


@pytest.fixture
def deed(installed: Path, sandbox: SalesforceSandbox) -> Deed:
    """Does one of the deeds of judge.mjs; returns what it found."""
    settings = sandbox.org.settings
    told = {"SANDBOX_URL": sandbox.url, "SANDBOX_TOKEN": sandbox.token}
    app = {"CONSUMER_KEY": settings.consumer_key, "CONSUMER_SECRET": settings.consumer_secret}

    def do(name: str) -> Any:
        command = ["node", "judge.mjs", name]
        environment = {**os.environ, **told, **app}
        done = subprocess.run(
            command, cwd=installed, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    return do


def test_client_credentials(deed: Deed, sandbox: SalesforceSandbox) -> None:
    """The app logs in by itself and learns whom it acts for."""
    found = deed("client_credentials")
    assert found["username"] == sandbox.org.integration.username
    assert found["instanceUrl"] == sandbox.url
    assert found["user"]["id"] == sandbox.org.integration.id
    assert found["user"]["organizationId"] == sandbox.org.id


def test_a_wrong_secret(deed: Deed) -> None:
    """It is refused in words that jsforce knows as an OAuth error."""
    assert deed("wrong_secret") == {"name": "invalid_client", "message": "invalid client credentials"}


def test_a_password(deed: Deed) -> None:
    """SOAP's login is gone, and jsforce tells its user so."""
    assert "login() is disabled" in deed("password")["message"]


def test_refresh_tokens_rotate(deed: Deed) -> None:
    """With PKCE through the browser; a refresh token that is used twice ends everything."""
    found = deed("rotation")
    assert found["rotated"] is True
    assert found["reuse"]["name"] == found["after"]["name"] == "invalid_grant"


def test_a_session_that_ended_is_refreshed(deed: Deed) -> None:
    """jsforce recognises the 401, refreshes once and goes on."""
    assert deed("expiry") == {"refreshed": 1, "total": 0}


def test_a_revoked_token(deed: Deed) -> None:
    """It opens nothing any more."""
    found = deed("revoke")
    assert (found["status"], found["body"][0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_describe(deed: Deed) -> None:
    """One object with its fields, and the list of all."""
    found = deed("describe")
    assert (found["name"], found["email"], found["keyPrefix"]) == ("Contact", "email", "003")
    assert {"Account", "Campaign", "CampaignMember", "Order", "OrderItem", "Product2"} <= set(found["objects"])


def test_query_in_pages(deed: Deed) -> None:
    """Pages of 2,000 rows by hand and by themselves; conditions that jsforce builds."""
    found = deed("query")
    assert (found["loaded"], found["fetched"]) == (2_300, 2_300)
    assert (found["first"], found["second"], found["done"]) == (2_000, 300, True)
    assert found["chosen"] == ["Reed 7"]


def test_one_record(deed: Deed) -> None:
    """Made, read, changed, cleared, deleted; still seen by queryAll; the error of a missing name."""
    found = deed("crud")
    assert found["made"]["success"] is True
    assert (found["read"], found["email"], found["title"]) == ("Muñoz", None, "Buyer")
    assert found["gone"] is True
    assert [one["IsDeleted"] for one in found["deleted"]] == [True]
    assert found["wrong"]["name"] == "REQUIRED_FIELD_MISSING"


def test_collections(deed: Deed) -> None:
    """More rows than one call takes; one bad row fails alone."""
    found = deed("collections")
    assert (found["made"], found["changed"], found["gone"]) == (250, 250, 250)
    assert [one["statusCode"] for one in found["failed"]] == ["REQUIRED_FIELD_MISSING"]


def test_upsert(deed: Deed) -> None:
    """By an external id: new ones first, then the same one changed."""
    assert deed("upsert") == {"first": [True, True, True], "again": False, "name": "Reeder"}


def test_bulk_query(deed: Deed) -> None:
    """CSV with line breaks, quotes and umlauts arrives as it was; queryAll has the deleted one too."""
    found = deed("bulk_query")
    assert (found["alive"], found["all"]) == (2, 3)
    assert found["description"] == 'two\nlines, "quoted", Ünï'


def test_bulk_ingest(deed: Deed) -> None:
    """Insert, update, upsert and delete as jobs; a row fails alone; null clears; the job is deleted at the end."""
    found = deed("bulk_ingest")
    assert found["failed"].startswith("REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName")
    assert (found["changed"], found["name"], found["description"], found["optedOut"]) == (1, "Ångström", None, True)
    assert (found["put"], found["gone"]) == (["true", "true"], 1)


def test_a_bulk_job_that_fails(deed: Deed) -> None:
    """A column that is not there fails the whole job, with Salesforce's sentence."""
    assert "InvalidBatch : Field name not found : Nonsense__c" in deed("bulk_failure")["message"]


def test_the_session_ends_in_the_middle_of_a_job(deed: Deed, sandbox: SalesforceSandbox) -> None:
    """The job goes on in the org, and a client that refreshes reads its results. jsforce keeps no rotated token."""
    sandbox.service.configure({"rotate_refresh": False})
    assert deed("session_ends_in_mid_job") == {"made": 5}
    assert sandbox.journal.counts()["statuses"]["401"] == 3


def test_limits(deed: Deed) -> None:
    """What every answer says of calls is what `/limits` says."""
    found = deed("limits")
    assert found["info"]["limit"] == found["daily"]["Max"] == 100_000
    assert found["info"]["used"] == found["daily"]["Max"] - found["daily"]["Remaining"] == 2
    assert found["jobs"] == {"Max": 10_000, "Remaining": 10_000}


def test_no_calls_left(deed: Deed) -> None:
    """The org's calls of the day are used up, and jsforce names the error."""
    assert deed("no_calls_left")["name"] == "REQUEST_LIMIT_EXCEEDED"
