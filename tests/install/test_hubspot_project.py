"""The HubSpot project that admins upload: it compiles, builds, passes its tests, asks for what the adapter needs."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.cli.browser_round import PORT
from connector.cli.loopback import PATH
from connector.crms.hubspot import HubSpotSettings, scopes
from connector.mapping import load_mapping

PROJECT = Path(__file__).parents[2] / "install" / "hubspot"
APP = json.loads((PROJECT / "src/app/app-hsmeta.json").read_text("utf-8"))
WEBHOOKS = json.loads((PROJECT / "src/app/webhooks/webhooks-hsmeta.json").read_text("utf-8"))
CARDS = PROJECT / "src" / "app" / "cards"


@pytest.fixture(scope="module")
def built(npm_ci: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs an npm script in a copy of the project; its dependencies are installed and the card is built."""
    folder = tmp_path_factory.mktemp("project") / "hubspot"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    npm = npm_ci(folder)

    def run(script: str, *arguments: str, fails: bool = False) -> str:
        command = [npm, "run", "--silent", script, "--", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        assert bool(done.returncode) is fails, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    run("build")
    return run


def read_by_card() -> set[str]:
    """The properties that the sources of the card name."""
    sources = "\n".join(path.read_text("utf-8") for path in sorted(CARDS.glob("*.ts*")))
    return set(re.findall(r"'(lamplighter_\w+)'", sources))


@pytest.mark.node
def test_the_card_compiles_strictly(built: Callable[..., str]) -> None:
    """TypeScript finds nothing, against the types of HubSpot's own packages."""
    assert built("check") == ""


@pytest.mark.node
def test_the_card_passes_its_tests(built: Callable[..., str]) -> None:
    """Rendered with HubSpot's testing library, and as the built bundle in a worker like HubSpot's."""
    assert re.search(r"Tests .*\b3\d passed", re.sub(r"\x1b\[\d+m", "", built("test")))


@pytest.mark.node
def test_hubspots_parser_takes_the_project(built: Callable[..., str]) -> None:
    """App, card and webhooks stand where they must, with uids and fields that HubSpot takes."""
    kinds = {"APPLICATION", "CARD", "WEBHOOKS"}
    assert {line.split()[1] for line in built("validate").splitlines()} == kinds


@pytest.mark.node
def test_hubspots_parser_refuses_a_broken_project(built: Callable[..., str], tmp_path: Path) -> None:
    """The check above is worth something: a wrong place and a wrong uid are both named."""
    broken = tmp_path / "broken"
    shutil.copytree(PROJECT, broken, ignore=shutil.ignore_patterns("node_modules"))
    card = broken / "src/app/cards/contact-card-hsmeta.json"
    card.write_text(card.read_text("utf-8").replace("crm.record.sidebar", "crm.record.cellar"), "utf-8")
    app = broken / "src/app/app-hsmeta.json"
    app.write_text(app.read_text("utf-8").replace("lamplighter_app", "lamp lighter"), "utf-8")
    said = built("validate", str(broken), fails=True)
    assert "config.location" in said and "'uid'" in said


def test_every_property_of_the_card_is_one_that_we_write() -> None:
    """By the names of the packaged mapping; one of another name would stay empty for ever."""
    written = {each.foreign for each in load_mapping("hubspot", None).properties.values()}
    assert read_by_card() <= written


def test_the_app_asks_for_what_is_needed_and_no_more() -> None:
    """Required is what every install needs; optional what some settings need besides; `oauth` stands in every app."""
    auth = APP["config"]["auth"]
    needed = set(scopes(HubSpotSettings(), None))
    every = {"purchases": ("deals", "both"), "subscription_status": ("api",)}
    further = {
        scope
        for name, values in every.items()
        for value in values
        for scope in scopes(HubSpotSettings(**{name: value}), None)
    }
    assert set(auth["requiredScopes"]) == needed | {"oauth"}
    assert set(auth["optionalScopes"]) == further - needed


def test_the_readme_names_the_redirect_url() -> None:
    """The one on which the command listens; HubSpot compares it letter by letter."""
    assert f'"http://localhost:{PORT}{PATH}"' in (PROJECT / "README.md").read_text("utf-8")


def test_webhooks_are_off_and_lead_nowhere() -> None:
    """Nobody hears of an admin's contacts because a project was uploaded as it is."""
    subscriptions = WEBHOOKS["config"]["subscriptions"]
    assert not any(each["active"] for kind in subscriptions.values() for each in kind)
    assert WEBHOOKS["config"]["settings"]["targetUrl"].startswith("https://lamplighter.invalid/")


def test_the_card_may_call_nobody() -> None:
    """No address is permitted to it."""
    assert APP["config"]["permittedUrls"] == {"fetch": [], "iframe": [], "img": []}


def test_the_lock_names_the_public_registry_only() -> None:
    """Whoever installs gets the packages from where they are published, or from a mirror of their own."""
    lock = json.loads((PROJECT / "package-lock.json").read_text("utf-8"))
    places = {each["resolved"] for each in lock["packages"].values() if not each.get("link") and "resolved" in each}
    assert {place.split("/")[2] for place in places} == {"registry.npmjs.org"}
