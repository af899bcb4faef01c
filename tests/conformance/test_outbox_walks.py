"""The outbox as a state machine, on SQLite and on PostgreSQL: no batch is ever in two ends, and none vanishes."""

import random
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.model import Delivery
from connector.store import Store, outbox

ROOT = Path(__file__).parents[2] / "connector"
PLACES = ("hubspot", "salesforce", "google")
ENDS = {state for state, following in outbox.STATES.items() if not following}


class Walk:
    """Batches on random ways, and what a model says of them.

    Attributes:
        believed: id -> state.
        ended: ids in the order in which they came to an end.
    """

    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.dice = store, random.Random(seed)
        self.believed: dict[str, str] = {}
        self.place: dict[str, str] = {}
        self.ended: list[str] = []

    def step(self) -> None:
        """One thing that a push, a crash or a settling does."""
        self.dice.choice((self.enqueue, self.move, self.move, self.move, self.crash, self.give_up))()

    def enqueue(self) -> None:
        place = self.dice.choice(PLACES)
        batches = [
            Delivery(id=f"b{len(self.believed) + n}", destination=place, kind="membership", audience="cart", add=("1",))
            for n in range(self.dice.randint(1, 3))
        ]
        outbox.enqueue(self.store, 1, batches)
        self.believed |= {batch.id: "pending" for batch in batches}
        self.place |= {batch.id: place for batch in batches}

    def move(self) -> None:
        """Some batch to some state, allowed or not."""
        if not self.believed:
            return
        chosen, to = self.dice.choice(sorted(self.believed)), self.dice.choice(sorted(outbox.STATES))
        if to in outbox.STATES[self.believed[chosen]]:
            self._move(chosen, to)
            self._becomes(chosen, to)
        else:
            with pytest.raises(ValueError, match="may not become"):
                self._move(chosen, to)

    def crash(self) -> None:
        """A transaction that moves a batch and dies: nothing has happened."""
        waiting = [one for one, state in self.believed.items() if state == "pending"]
        if waiting:
            with pytest.raises(KeyboardInterrupt), self.store.begin() as connection:
                outbox.move(connection, waiting[0], "sent")
                raise KeyboardInterrupt

    def give_up(self) -> None:
        """A destination's pending batches; those of others stay."""
        place = self.dice.choice(PLACES)
        waiting = [one for one, at in self.place.items() if at == place and self.believed[one] == "pending"]
        assert outbox.give_up_pending(self.store, "it asks for rest", place) == len(waiting)
        for one in waiting:
            self._becomes(one, "deferred")

    def _move(self, chosen: str, to: str) -> None:
        with self.store.begin() as connection:
            outbox.move(connection, chosen, to)

    def _becomes(self, chosen: str, to: str) -> None:
        self.believed[chosen] = to
        self.ended += [chosen] if to in ENDS else []


def kept(store: Store) -> dict[str, str]:
    """Batch id -> state."""
    columns = (outbox.outbox.c.id, outbox.outbox.c.state)
    return {row.id: row.state for row in store.rows(sa.select(*columns))}


@pytest.mark.parametrize("seed", range(3))
def test_random_walks_follow_the_table(store: Store, seed: int) -> None:
    """Whatever order things come in: the store says what the table allows, each batch ends at most once."""
    walk = Walk(store, seed)
    for _ in range(60):
        walk.step()
    assert kept(store) == walk.believed
    assert len(walk.ended) == len(set(walk.ended))
    assert sum(outbox.depth(store).values()) == len(walk.believed)
    for place in PLACES:
        open_now = {one for one, at in walk.place.items() if at == place and walk.believed[one] == "sent"}
        assert {each.id for each in outbox.unsettled(store, place)} == open_now
    assert sum(row["batches"] for row in outbox.outcomes(store, 1)) == len(walk.believed)


def test_the_database_knows_no_other_state(store: Store) -> None:
    """A state that the table does not name cannot be written, by whatever code; each of the table can."""
    outbox.enqueue(store, 1, [Delivery(id="a", destination="hubspot", kind="membership", audience="cart", add=("1",))])
    for state in outbox.STATES:
        with store.begin() as connection:
            connection.execute(outbox.outbox.update().values(state=state))
    with pytest.raises(sa.exc.IntegrityError), store.begin() as connection:
        connection.execute(outbox.outbox.update().values(state="lost"))


def test_nobody_else_writes_the_state_of_a_batch() -> None:
    """Updates of the outbox stand in its own file, but for what an erasure takes out of payloads."""
    writers = [
        path for path in ROOT.rglob("*.py") if re.search(r"\boutbox\.(update|insert)\(", path.read_text("utf-8"))
    ]
    assert {path.relative_to(ROOT).as_posix() for path in writers} <= {"store/outbox.py", "store/forgetting.py"}
    assert "state=" not in (ROOT / "store" / "forgetting.py").read_text("utf-8")
