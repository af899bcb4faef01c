"""Before a pass: whether store and warehouse are whole and of the same day, and what must be had again where not.

The warehouse names the last run that wrote it. A store that knows less was restored; a warehouse that knows less was
restored, or is gone. Either is mended by the pass that notices.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from connector.errors import Failed, LamplighterError, SetupError
from connector.home import Home
from connector.pipeline import decisions
from connector.schema import SEEN
from connector.store import cursors, runs, stale
from connector.store import damage as store_damage
from connector.warehouse import damage, seal
from connector.warehouse.damage import Damage

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
EVENTS = ("interaction", "consent", "identity_link")
"""Seen tables of which a source may have forgotten rows that we had read."""
FULL = ("no space left on device", "disk is full", "database or disk is full", "file too large", "errno 28")
"""In the texts of errors of a disk without room, whoever raised them."""


@dataclass
class State:
    """What was found before a pass.

    Attributes:
        ahead: the last run of the warehouse, where the store does not know it.
        behind: the warehouse lacks runs that the store knows.
        damages: of tables.
    """

    ahead: int = 0
    behind: bool = False
    damages: list[Damage] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        return not (self.ahead or self.behind or self.damages)


def set_right(home: Home, as_of: datetime, *, whole: bool) -> list[str]:
    """Mend what can be mended before a pass; returns what the admin should know.

    Args:
        whole: the pass has all stages.

    Raises:
        SetupError: the pass has not all stages, and something must be mended.
        Failed: the disk is full.
    """
    try:
        return _set_right(home, as_of, whole=whole)
    except Exception as error:
        told = in_words(home, error)
        if told is error:
            raise
        raise told from error


def check_store(home: Home, as_of: datetime) -> None:
    """Before a pass writes anything: raises SetupError where the store's file is damaged."""
    if _everything_due(home, as_of):
        store_damage.check(home.store.engine)


def _set_right(home: Home, as_of: datetime, *, whole: bool) -> list[str]:
    state = _look(home, everything=_everything_due(home, as_of))
    if state.is_well:
        return []
    if not whole:
        raise SetupError("the warehouse and the store must be brought together by a whole pass", hint="lamplighter run")
    return list(_mend(home, state))


def _everything_due(home: Home, as_of: datetime) -> bool:
    known = seal.read(home.warehouse.root)
    return known.suspect or known.bytes <= damage.SMALL or decisions.full_pass_due(home, as_of)


def _look(home: Home, *, everything: bool) -> State:
    root = home.warehouse.root
    written, known, newest = seal.read(root).run, runs.last_entered(home.store), runs.latest(home.store)
    return State(
        ahead=written if written and written > (newest[0].number if newest else 0) else 0,
        behind=known > (written or 0) or (written is None and _gone_unsaid(home)),
        damages=damage.find(root, everything=everything),
    )


def _gone_unsaid(home: Home) -> bool:
    """Whether there is no warehouse, and runs decided before a store said which of them wrote one."""
    return not seal.present(home.warehouse.root) and bool(runs.latest(home.store, decided=True))


def _mend(home: Home, state: State) -> Iterator[str]:
    """Cursors first: whatever is killed after them is found again, and what is read twice harms nothing."""
    runs.decide_anew(home.store)
    seen = {each.table for each in state.damages} & SEEN.keys()
    if state.behind or seen:
        cursors.forget(home.store, [source.name for source in (*home.sources, *home.crms)])
    if state.behind:
        yield (
            "the warehouse is older than the store, or gone: every source is read again from its beginning, and "
            "everybody is decided anew"
        )
    for each in state.damages:
        yield _mended(home, each)
    if state.ahead:
        _take_up(home, state.ahead)
        yield (
            "the store is older than the warehouse: it came from a backup. Every list is read and every ad audience "
            "is said again before anything else is changed"
        )


def _mended(home: Home, found: Damage) -> str:
    aside = damage.rebuild(home.warehouse.root, found)
    sentence = f"the warehouse table {found.table} is damaged ({found.why}) and "
    if found.table not in SEEN:
        return sentence + "is made anew: everybody is decided again"
    sentence += "is built again: its sources are read from their beginning"
    if found.table in EVENTS:
        lost = "an unknown number of" if found.lost is None else f"{found.lost:,}"
        sentence += (
            f". Lost are those of {lost} rows that no source holds any more: what was imported once, and collected "
            "events that were cleared; import such files again: lamplighter import FILE"
        )
    return sentence + (f". The damaged files are in {aside} for 30 days" if aside else "")


def _take_up(home: Home, number: int) -> None:
    """Go on behind runs that the store has forgotten; whatever they told others is to be looked at."""
    last = runs.latest(home.store)
    since = last[0].started_at if last else LONG_AGO
    told = [*(crm.name for crm in home.crms), *(platform.name for platform in home.ads)]
    with home.store.begin() as connection:
        stale.mark(connection, dict.fromkeys(told, since))
    runs.go_on_behind(home.store, number, last[0].as_of if last else LONG_AGO)


def enter(home: Home, number: int) -> None:
    """A run begins to write the warehouse: the warehouse says so first, then the store."""
    seal.enter(home.warehouse.root, number)
    runs.enter(home.store, number)


def leave(home: Home) -> None:
    """The warehouse is as it should be."""
    seal.renew(home.warehouse.root)


def compact(home: Home, now: datetime) -> dict[str, int]:
    """Compact the warehouse where it is whole: damage must not be copied into files that look well.

    Returns:
        table -> files now.

    Raises:
        Failed: it is damaged; the next pass builds it again.
    """
    root = home.warehouse.root
    if found := damage.find(root, everything=True):
        raise _suspected(root, found)
    files = home.warehouse.compact()
    seal.renew(root)
    damage.forget_set_aside(root, before=now - damage.KEPT)
    return files


def in_words(home: Home, error: BaseException) -> BaseException:
    """An error of a pass as one of ours, where a full disk or a damaged warehouse explains it."""
    if isinstance(error, LamplighterError) or not isinstance(error, Exception):
        return error
    root = home.warehouse.root
    if any(word in text.lower() for text in _texts(error) for word in FULL):
        return store_damage.no_room(root)
    found = damage.find(root, everything=True)
    return _suspected(root, found) if found else error


def _suspected(root: Path, found: Sequence[Damage]) -> Failed:
    """Let the next pass look at every file."""
    seal.suspect(root)
    return damage.told(found)


def _texts(error: BaseException | None) -> Sequence[str]:
    return [] if error is None else [str(error), *_texts(error.__cause__ or error.__context__)]
