"""Whether the harness of kills sees what it looks for: a loss and a doubling that are planted are counted as such."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import kill_facts
import pytest
from kill_rounds import Scene
from kill_shop import Systems, end, write_world

from connector.sandbox.google_account import UserList
from connector.store import Store, open_store
from connector.store.clock import now
from connector.store.tables import membership, told_sale

SALE = {"transactionId": "O1", "conversionValue": 90}


@dataclass
class Ended:
    """Where a pass that nobody killed has ended."""

    scene: Scene
    store: Store

    @property
    def google(self) -> Any:
        return self.scene.systems.google.google.account

    def strayed(self) -> tuple[list[str], list[str]]:
        """Where something is lost, and where doubled, in the judgement of the harness."""
        self.scene.held = kill_facts.of_home(self.scene.made)
        lost, doubled = (sorted(fact.partition(":")[0] for fact in each.elements()) for each in self.scene.strayed())
        return lost, doubled


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ended]:
    """People in both CRMs; a list with two of them, a sale, and what our books say of them."""
    systems = Systems(write_world(tmp_path / "world", end()), end())
    for name, value in systems.environment().items():
        monkeypatch.setenv(name, value)
    with ExitStack() as opened:
        for each in systems:
            opened.enter_context(each)
        systems.connect(tmp_path / "home")
        store = opened.enter_context(closing(open_store(f"sqlite:///{tmp_path / 'home' / 'state.db'}")))
        yield settled(Ended(Scene(tmp_path, systems, end(), tmp_path / "home"), store))


def settled(made: Ended) -> Ended:
    """Fill what a pass would have filled, and take it for the end that is expected."""
    made.google.lists["1"] = listed = UserList(resource={"displayName": "lamps", "membershipStatus": "OPEN"})
    listed.members |= {b"one": 1, b"two": 1}
    made.google.events["O1"] = [SALE]
    tell(made.store, membership, audience="lamps", member="one", certain=True)
    made.scene.held = kill_facts.of_home(made.scene.made)
    made.scene = replace(made.scene, expected=(made.scene.facts(),))
    return made


def tell(store: Store, table: Any, **values: Any) -> None:
    """Write down what Google is said to know."""
    with store.begin() as connection:
        connection.execute(table.insert(), [{"destination": "google", "run": 1, **values}])


def lose_a_member(ended: Ended) -> None:
    """A platform holds one person fewer."""
    del ended.google.lists["1"].members[b"one"]


def lose_a_contact(ended: Ended) -> None:
    """A record of a CRM is gone."""
    state = ended.scene.systems.hubspot.portal.portal.state
    state.run("DELETE FROM record WHERE type = '0-1' AND id = (SELECT min(id) FROM record WHERE type = '0-1')")


def lose_a_membership(ended: Ended) -> None:
    """Our books have forgotten somebody."""
    with ended.store.begin() as connection:
        connection.execute(membership.delete())


def tell_a_sale_twice(ended: Ended) -> None:
    """The same purchase counts once more."""
    ended.google.events["O1"].append(SALE)


def note_a_sale_twice(ended: Ended) -> None:
    """Our books tell of a sale under a second key."""
    tell(ended.store, told_sale, key="O1 again", words="", told_at=now())


def add_a_stranger(ended: Ended) -> None:
    """Somebody is in a list who should not be."""
    ended.google.lists["1"].members[b"three"] = 1


LOSSES = ((lose_a_member, "Google, member"), (lose_a_contact, "HubSpot, record"), (lose_a_membership, "membership"))
DOUBLINGS = (
    (tell_a_sale_twice, "Google, sale"),
    (note_a_sale_twice, "told_sale"),
    (add_a_stranger, "Google, member"),
)


def test_what_is_planted_is_counted(ended: Ended) -> None:
    """Nothing strays at first; then each planted loss is one lost, each planted doubling one doubled, and no more."""
    lost, doubled = list[str](), list[str]()
    assert ended.strayed() == ([], [])
    for plant, place in LOSSES:
        plant(ended)
        lost.append(place)
        assert ended.strayed() == (sorted(lost), [])
    for plant, place in DOUBLINGS:
        plant(ended)
        doubled.append(place)
        assert ended.strayed() == (sorted(lost), sorted(doubled))
