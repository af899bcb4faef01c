"""Random lives of a Salesforce org: whatever people and other apps did to it, and however badly it answered meanwhile,
after the last run everything is as it should be.

Besides what happens to records: sessions end in mid-job, rows are locked by storms, answers are lost, marketers put
people into a campaign just before we do, an admin hides fields, and near the end the org's calls are used up.
Marketers take out only contacts that a run has seen: of others nobody could know that they were in.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from life import History
from life_model import Model
from life_town import FEW, FIRSTS, LONG, SHORT, TOGETHER, TOKEN, WRITTEN, Town, lived
from org_campaigns import OrgMarketer
from org_events import OrgHistory, OrgLife, furnish
from org_model import model

from connector.errors import SetupError
from connector.pipeline.options import Nobody
from connector.sandbox.faults import Fault
from connector.sandbox.salesforce_serve import SalesforceSandbox

SELF = "tests/scenario/test_org_life.py"
SOURCE = Path(__file__).parents[2] / "install" / "salesforce" / "force-app"
MANY_ROWS = 200
"""Rows from which a bulk job is used: in a small org too."""
FIELDS = dict(
    zip(WRITTEN, ("Last_Purchase__c", "Suppressed_Until__c", "Suppressed_Items__c"), strict=True),
)
CONSENT, MAPPED = ("Ads_Consent__c", "HasOptedOutOfEmail"), ("Email", "MailingCity")


class Weather(Nobody):
    """What goes wrong while a run is at work."""

    def __init__(self, town: "OrgTown") -> None:
        self.town = town
        self.random = town.random
        self.levers = town.sandbox.levers

    def pulled(self, source: str, stream: str, read: int) -> None:
        """Between two batches; of a job, between its making and its results."""
        for _ in range(3):
            self.random.choice(self.town.lives).go_on()
        if self.random.random() < 0.3:
            self.levers["end_sessions"]()

    def entered(self, stage: str) -> None:
        """Others write as well, and lines are bad."""
        if stage == "push" and self.random.random() < 0.5:
            self.levers["lock_storm"](self.random.randint(2, 5), self.random.randint(1, 40))
        if stage == "push" and self.random.random() < 0.5:
            lost = Fault(path_contains="/composite", drop=True, after_effect=True, skip=self.random.randint(0, 4))
            self.town.sandbox.faults.add(lost)

    def pushed(self, destination: str, done: int, total: int) -> None:
        """Between two deliveries."""
        if self.random.random() < 0.3:
            self.levers["end_sessions"]()
        if self.random.random() < 0.3:
            self.town.marketer.put_in_amid_a_push(self.town.contacts())


class SpentDay(Nobody):
    """The first batch takes the last call of the org's day."""

    def __init__(self, sandbox: SalesforceSandbox) -> None:
        self.sandbox = sandbox

    def pulled(self, source: str, stream: str, read: int) -> None:
        """Other apps are at work too."""
        self.sandbox.service.configure({"daily_used": self.sandbox.org.settings.daily_limit})


class OrgTown(Town):
    """An org and an install on it."""

    sweeps = ((), (), ("due",), ("memberships",), ("gone",))
    marketer: OrgMarketer
    history: OrgHistory

    def _history(self) -> History:
        return OrgHistory()

    def _life(self, seed: int) -> OrgLife:
        return OrgLife(seed, self.sandbox, self.history)

    def _marketer(self, seed: int) -> OrgMarketer:
        return OrgMarketer(seed, self.sandbox, self.history)

    def settings(self) -> str:
        """By an app of the org."""
        oauth = f"{{flow: client_credentials, client_id: sandbox-consumer-key, client_secret: env:{TOKEN}}}"
        return f"salesforce:\n  instance_url: {self.sandbox.url}\n  oauth: {oauth}\n  bulk_above: {MANY_ROWS}"

    def furnish(self) -> None:
        """Our fields and permissions, and products."""
        self.sandbox.levers["deploy"](str(SOURCE))
        self.sandbox.levers["assign"]("Lamplighter_Connector")
        furnish(self.sandbox)

    def contacts(self) -> list[str]:
        """Those that live."""
        return sorted(one for life in self.lives for one in life.contacts)

    def model(self, as_of: datetime) -> Model:
        """What should be, by what the org holds now."""
        return model(self.sandbox.org.state, as_of)

    def written(self) -> dict[str, dict[str, str]]:
        """Contact -> those of WRITTEN that the org shows."""
        contacts = self.sandbox.service.state()["contacts"]
        ours = {one: f"Lamplighter_{name}" for one, name in FIELDS.items()}
        found = {who: {one: said[name] for one, name in ours.items() if name in said} for who, said in contacts.items()}
        return {who: said for who, said in found.items() if said}

    def first_run(self) -> None:
        """A first pass, in bad weather too."""
        self._run_in_bad_weather()

    def calm(self) -> None:
        """As everywhere, and nobody locks rows."""
        super().calm()
        self.sandbox.levers["lock_storm"](0, 0)

    def run_between(self, *sweeps: str) -> None:
        """A run in bad weather; at times with a field out of sight."""
        levers, name = self.sandbox.levers, self.random.choice((*CONSENT, *MAPPED, "", "", ""))
        if name:
            levers["hide_field"]("Contact", name)
        if name in MAPPED:
            with pytest.raises(SetupError, match=name):
                self.run(*sweeps)
            levers["show_field"]("Contact", name)
        believed = name not in CONSENT or self.random.random() < 0.5
        self._run_in_bad_weather(*sweeps, ends=("done", "deferred") if believed else ("done", "deferred", "guarded"))
        if name in CONSENT:
            levers["show_field"]("Contact", name)

    def _run_in_bad_weather(self, *sweeps: str, ends: Sequence[str] = ("done", "deferred")) -> None:
        """What such a run leaves undone, the next one does."""
        report = self.run(*sweeps, watcher=Weather(self), ends=ends)
        self.calm()
        if report.status == "deferred":
            self.sandbox.levers["commit"]()  # of those who had some contacts locked
            self.run(*sweeps, only="push")

    def settle(self) -> tuple[datetime, list[str]]:
        """As everywhere; but first the day is spent."""
        self.run(watcher=SpentDay(self.sandbox), ends=("deferred",))
        self.sandbox.service.configure({"daily_used": 0})
        return super().settle()

    def differences(self, moment: datetime) -> Iterator[str]:
        """Everything that is not as the model has it, and responses that were lost."""
        yield from super().differences(moment)
        yield from self.marketer.responses_lost()


def live(seeds: Sequence[int], events: int, runs: int, folder: Path, again: str) -> None:
    """One org's lives."""
    with SalesforceSandbox(settings={"consumer_secret": "sandbox-token"}) as sandbox:
        town = OrgTown(folder / "home", sandbox, seeds)
        lived(town, f"LAMPLIGHTER_SEED={seeds[0]} {again}", events, runs)


@pytest.mark.slow
@pytest.mark.parametrize("seed", FEW)
def test_after_a_few_hundred_events_everything_is_as_it_should_be(seed: int, tmp_path: Path) -> None:
    """Warehouse, campaigns and fields equal the model; what marketers did by hand stays done."""
    live([seed], SHORT, 1, tmp_path, f"pytest {SELF}")


@pytest.mark.slow
@pytest.mark.parametrize("first", FIRSTS)
def test_after_long_lives_everything_is_as_it_should_be(first: int, tmp_path: Path) -> None:
    """The same for ten lives of 2,000 events in one org."""
    live(range(first, first + TOGETHER), LONG, 3, tmp_path, "make slow-one")
