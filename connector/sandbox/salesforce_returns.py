"""Which order a world's credit note takes back: a reduction order needs the line that each of its lines reduces.

Nothing in a world says so. Here it is the newest earlier order of the same contact that holds all that comes back and
has enough of it left, since a reduction order reduces one order (source: "Reduction Orders" in Salesforce Help). A
credit note for which there is none stays an ordinary order with negative quantities, as real shops have them too.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from connector.sandbox.world import LINES, ORDERS, Row, World

RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Reduction:
    """A credit note as a reduction order: the order it reduces; line id -> how manieth line of the file is reduced."""

    original: str
    lines: Mapping[str, int]


def reductions(world: World) -> dict[str, Reduction]:
    """Order id of a credit note -> what it reduces."""
    contacts = {row["order_id"]: row["contact_id"] for row in world.rows(ORDERS)}
    notes = {row["order_id"] for row in world.rows(ORDERS) if row["status"] == RETURNED and row["contact_id"]}
    returned: dict[str, list[Row]] = defaultdict(list)
    for row in world.rows(LINES):
        if row["order_id"] in notes:
            returned[row["order_id"]].append(row)
    wanted = {(contacts[note], row["product_id"]) for note, rows in returned.items() for row in rows}
    places = {order: place for place, order in enumerate(contacts)}
    bought = _bought(world, contacts, wanted, places)
    found = ((note, _reduction(contacts[note], places[note], rows, bought)) for note, rows in returned.items())
    return {note: one for note, one in found if one}


@dataclass(slots=True)
class Original:
    """A line that may be taken back: its order, its place in the file and its order's, and how much of it is left."""

    order: str
    line: int
    place: int
    left: float


Bought = dict[tuple[str, str], list[Original]]


def _bought(
    world: World, contacts: Mapping[str, str], wanted: set[tuple[str, str]], places: Mapping[str, int]
) -> Bought:
    """Lines of positive quantity of the contacts and products that something came back of."""
    found: Bought = defaultdict(list)
    for number, row in enumerate(world.rows(LINES)):
        key = contacts.get(row["order_id"], ""), row["product_id"]
        if key in wanted and float(row["quantity"]) > 0:
            order = row["order_id"]
            found[key].append(Original(order, number, places[order], float(row["quantity"])))
    return found


def _reduction(contact: str, place: int, rows: list[Row], bought: Bought) -> Reduction | None:
    candidates = [one for one in bought.get((contact, rows[0]["product_id"]), ()) if one.place < place]
    for candidate in sorted(candidates, key=lambda one: -one.place):
        if lines := _taken(contact, candidate.order, rows, bought):
            return Reduction(candidate.order, lines)
    return None


def _taken(contact: str, order: str, rows: list[Row], bought: Bought) -> dict[str, int]:
    """Line that comes back -> line of one order it is taken from; empty, and nothing taken, where one is lacking."""
    taken: list[tuple[Original, float]] = []
    lines: dict[str, int] = {}
    for row in rows:
        back = -float(row["quantity"])
        sold = (one for one in bought.get((contact, row["product_id"]), ()) if one.order == order)
        original = next((one for one in sold if one.left >= back > 0), None)
        if original is None:
            for one, quantity in taken:
                one.left += quantity
            return {}
        original.left -= back
        taken.append((original, back))
        lines[row["line_id"]] = original.line
    return lines
