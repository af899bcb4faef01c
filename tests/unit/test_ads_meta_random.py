"""Meta over random lives: whatever breaks, and however long it takes, the audience ends as it is wanted."""

import random

import pytest
from meta_rig import LAMPS, Rig, change, keys, rigged

from connector.ads._meta import refresh
from connector.errors import ListGone, RetryLater
from connector.limits import Retry

PEOPLE = keys(60)
TROUBLE = [{"drop": True}, {"drop": True, "after_effect": True}, {"status": 500, "after_effect": True}, {"cut": True}]
PATIENCE = 40


def until_done(rig: Rig, chance: random.Random, act: str, wanted: set[str], held: set[str]) -> None:
    """What the pipeline does: says it again in later runs, a refresh that broke off before anything else."""
    broken = False
    for _ in range(PATIENCE):
        meta = rig.meta(retry=Retry(attempts=chance.choice([1, 1, 3])))
        rig.sandbox.faults.clear()
        if chance.random() < 0.6:
            rig.fault("/users", skip=chance.randrange(5), times=chance.choice([1, 2, 9]), **chance.choice(TROUBLE))
        broken |= any(name.startswith("refresh:") for name in meta.confirm())
        try:
            if broken or act == "refresh":
                meta.refresh(LAMPS.name, _parts(sorted(wanted)))
            if act == "change":
                meta.deliver(change(sorted(wanted - held), sorted(held - wanted)))
            return
        except ListGone:
            meta.ensure([LAMPS])
            act = "refresh"
        except RetryLater:
            rig.pass_time(minutes=chance.choice([0, 15, 15, 100]))
    raise AssertionError("it never came through")


def _parts(members: list[str]) -> list[list[str]]:
    return [members[start : start + 7] for start in range(0, len(members), 7)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_a_life_of_trouble(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Changes and refreshes in any order, with lost answers, failures and time that passes in between."""
    chance = random.Random(seed)
    monkeypatch.setattr(refresh, "MOST", 10)
    with rigged(replace_seconds=chance.choice([0, 0, 300])) as rig:
        rig.meta().ensure([LAMPS])
        held: set[str] = set()
        for _ in range(15):
            wanted = set(chance.sample(PEOPLE, chance.randrange(1, len(PEOPLE))))
            until_done(rig, chance, chance.choice(["change", "refresh"]), wanted, held)
            rig.sandbox.faults.clear()
            rig.pass_time(minutes=6)
            assert rig.inside() == wanted
            held = wanted
