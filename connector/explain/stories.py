"""How a person stands to each item they ever bought or gave back, step by step, and what comes next."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby

import ibis.expr.types as ir

from connector.decide.suppression.intervals import intervals
from connector.decide.suppression.standing import READMITTED, REPLENISH_DUE, RETURNED, standings
from connector.explain.person import Person, Row, fetched
from connector.explain.values import Step, Story
from connector.home import Home
from connector.merge.catalogue import Catalogue
from connector.merge.holdings import holdings
from connector.merge.lines import lines
from connector.merge.sales import counted
from connector.merge.seen import Seen, remembered
from connector.schema import SEEN
from connector.store import runs

AFTER = {REPLENISH_DUE: "used up: due to be bought again", READMITTED: "may be shown again"}
"""What follows a window -> the same in words."""
LENGTHS = {
    "written": "a window that the policy names",
    "cool_off": "given back: nobody is chased with what they did not want",
}
"""What a window follows -> why it is so long; the others are told by the family's rhythm."""


def stories_of(person: Person, products: Catalogue, as_of: datetime) -> tuple[Story, ...]:
    """One story a family that this person bought or gave back, the one that changed last first.

    Told by the definition of suppression that the run used, from the order lines up to `as_of`.
    """
    home = person.home
    theirs = home.warehouse.keep(_lines(person, products, as_of))
    rhythm, policy = _rhythm(home), home.audiences.policy.suppression
    standing = standings(holdings(theirs), products.product, rhythm, policy)
    pieces = intervals(theirs, products.product, rhythm, policy)
    why = {row["family"]: row["why"] for row in fetched(rhythm.semi_join(theirs, "family"))}
    by_family, pieces_of = _by_family(fetched(theirs)), _by_family(fetched(pieces))
    found = [
        _story(row, by_family[row["family"]], pieces_of.get(row["family"], []), why.get(row["family"], ""), as_of)
        for row in fetched(standing)
    ]
    return tuple(sorted(found, key=lambda story: (story.since, story.family), reverse=True))


def _lines(person: Person, products: Catalogue, as_of: datetime) -> ir.Table:
    warehouse = person.home.warehouse
    current = {table: warehouse.current(table) for table in SEEN}
    seen = Seen(**{**current, "product": remembered(warehouse.versions("product"))})
    line = lines(seen, person.identifiers, products, as_of, warehouse.keep)
    return counted(warehouse.keep(line.filter(line.person_id.notnull(), line.family.notnull())))


def _rhythm(home: Home) -> ir.Table:
    full = runs.latest(home.store, decided=True, full=True)
    return home.warehouse.figure("rhythm", full[0].number if full else 0)


def _by_family(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["family"], []).append(row)
    return found


def _story(row: Row, events: list[Row], pieces: list[Row], rhythm: str, as_of: datetime) -> Story:
    over = row["until"] <= as_of
    return Story(
        family=row["family"],
        title=row["title"] or row["family"],
        state=row["then"] if over else row["state"],
        since=row["until"] if over else row["since"],
        until=None if over else row["until"],
        now=_now(row, over),
        why=LENGTHS.get(row["length"], rhythm or "the plain window"),
        steps=tuple(_steps(events, {piece["suppressed_from"]: piece for piece in pieces}, as_of)),
        then="" if over else f"{AFTER[row['then']]} from {row['until']:%Y-%m-%d}",
    )


def said(reason: str) -> str:
    """A suppression's reason as it reads before `on` and a day."""
    return {"gift": "bought as a gift"}.get(reason, reason)


def _now(row: Row, over: bool) -> str:
    began, until = f"{row['since']:%Y-%m-%d}", f"{row['until']:%Y-%m-%d}"
    if not over:
        return f"suppressed until {until}: {said(row['reason'])} on {began}"
    if row["state"] == RETURNED:
        return f"not suppressed: returned (order of {began}), and nothing of it is left; cooled off on {until}"
    if row["then"] == REPLENISH_DUE:
        return f"not suppressed: bought on {began}, used up, and due to be bought again since {until}"
    return f"not suppressed: {said(row['reason'])} on {began}, and the window of that is over"


def _steps(events: list[Row], pieces: Mapping[datetime, Row], as_of: datetime) -> Iterator[Step]:
    """Each purchase and return, and each window that ended before the next of them."""
    ordered = sorted(events, key=lambda line: (line["ordered_at"], line["key"]))
    for moment, together in groupby(ordered, key=lambda line: line["ordered_at"]):
        piece = pieces.get(moment)
        yield Step(at=moment, what=", ".join(map(_event, together)) + (_effect(piece) if piece else ""))
        if piece and piece["suppressed_until"] == piece["until"] <= as_of:
            yield Step(at=piece["until"], what=AFTER[piece["then"]])


def _event(line: Row) -> str:
    product = f"{abs(line['quantity']).normalize():f} x {line['product_id']} (order {line['order_id']})"
    if line["quantity"] < 0:
        return f"gave back {product}"
    if line["counts"] < line["quantity"]:
        return f"bought {product}, which came back as a whole"
    return f"bought {product}{' as a gift' if line['gift'] else ''}"


def _effect(piece: Row) -> str:
    until = f"out of their ads until {piece['until']:%Y-%m-%d}"
    if piece["state"] == RETURNED:
        return f": nothing is left, {until}"
    swapped = "exchanged, " if piece["reason"] == "exchanged" else ""
    return f": {swapped}{piece['quantity'].normalize():f} left, {until}"
