"""In which audiences of which ad platforms a person is, as far as these have acknowledged it."""

from connector.home import Home
from connector.store import acknowledged, ad_members, runs
from connector.store.remotes import LABEL, Remembered


def ad_audiences(home: Home, person_id: str) -> dict[str, tuple[str, ...]]:
    """Ad platform -> labels of our audiences that hold any address of this person, of each that is connected."""
    labels = _labels(home) if home.ads else {}
    return {each.name: _held(home, each.name, person_id, labels) for each in home.ads}


def _labels(home: Home) -> dict[str, str]:
    full = runs.latest(home.store, decided=True, full=True)
    rows = home.warehouse.figure("ad_group", full[0].number).to_pyarrow().to_pylist() if full else []
    return {row["audience"]: row["label"] for row in rows}


def _held(home: Home, platform: str, person_id: str, labels: dict[str, str]) -> tuple[str, ...]:
    keys = ad_members.of_persons(home.store, platform, [person_id])
    held, named = (
        acknowledged.members(home.store, platform, keys),
        {**Remembered(home.store, platform).all(LABEL), **labels},
    )
    return tuple(sorted({named.get(name, name) for name, _, certain in held if certain}))
