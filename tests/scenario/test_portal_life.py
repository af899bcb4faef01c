"""Random lives of a portal: whatever people and other apps did to it, after the last run everything is as it should be.

Known and accepted: HubSpot tells no difference between a contact that was deleted and restored between two looks at
deletions, and so left its lists, and one that a marketer took out; so here a contact comes back only after the next
look. And marketers take out only contacts that a run has seen: of others nobody could know that they were in.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from life_model import Model
from life_town import FEW, FIRSTS, LONG, SHORT, TOGETHER, TOKEN, WRITTEN, Town, lived
from portal_events import PortalLife, furnish
from portal_lists import PortalMarketer
from portal_model import model

from connector.sandbox.serve import Sandbox

LAG = "  lag_seconds: 60\n  overlap_seconds: 600"
SELF = "tests/scenario/test_portal_life.py"
PREFIX = "lamplighter_"


class PortalTown(Town):
    """A portal and an install on it."""

    sweeps = ((), ("due",), ("archived",), ("memberships",), ("gone",), ("moved",))
    states: Mapping[str, str] = MappingProxyType({"refunded": "returned"})

    def _life(self, seed: int) -> PortalLife:
        return PortalLife(seed, self.sandbox, self.history)

    def _marketer(self, seed: int) -> PortalMarketer:
        return PortalMarketer(seed, self.sandbox, self.history)

    def settings(self) -> str:
        """By a token."""
        return f"hubspot:\n  base_url: {self.sandbox.url}\n  token: env:{TOKEN}\n{LAG}"

    def furnish(self) -> None:
        """Products."""
        furnish(self.sandbox)

    def model(self, as_of: datetime) -> Model:
        """What should be, by what the portal shows now."""
        return model(self.sandbox.portal, as_of)

    def written(self) -> dict[str, dict[str, str]]:
        """Contact -> those of WRITTEN that the portal shows."""
        contacts = self.sandbox.portal.state()["contacts"]
        found = {
            who: {one: told for one in WRITTEN if (told := said.get(PREFIX + one))} for who, said in contacts.items()
        }
        return {who: said for who, said in found.items() if said}


def live(seeds: Sequence[int], events: int, runs: int, folder: Path, again: str) -> None:
    """One portal's lives."""
    with Sandbox(index_lag_seconds=20) as sandbox:
        town = PortalTown(folder / "home", sandbox, seeds)
        lived(town, f"LAMPLIGHTER_SEED={seeds[0]} {again}", events, runs)


@pytest.mark.parametrize("seed", FEW)
def test_after_a_few_hundred_events_everything_is_as_it_should_be(seed: int, tmp_path: Path) -> None:
    """Warehouse, lists and properties equal the model; what marketers did to lists by hand stays done."""
    live([seed], SHORT, 2, tmp_path, f"pytest {SELF}")


@pytest.mark.slow
@pytest.mark.parametrize("first", FIRSTS)
def test_after_long_lives_everything_is_as_it_should_be(first: int, tmp_path: Path) -> None:
    """The same for ten lives of 2,000 events in one portal."""
    live(range(first, first + TOGETHER), LONG, 4, tmp_path, "make slow-one")
