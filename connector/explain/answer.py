"""The whole answer about one person."""

from typing import Any

from connector.errors import SetupError
from connector.explain.ad_audiences import ad_audiences
from connector.explain.items import item_of, suppressions_of
from connector.explain.lists import excluded_from, lists_of
from connector.explain.person import Person, find
from connector.explain.stories import stories_of
from connector.explain.values import Explanation
from connector.home import Home
from connector.merge.catalogue import catalogue
from connector.merge.seen import remembered
from connector.store import runs

TRAITS = (
    "loyalty_tier",
    "rfm_cell",
    "orders",
    "spend",
    "first_order_at",
    "last_order_at",
    "last_interaction_at",
    "email_opt_out",
    "ads_consent",
    "profiling_opt_out",
    "mail_barrier",
    "ads_barrier",
)
BARRIERS = ("mail_barrier", "ads_barrier")


def explain(home: Home, email: str, item: str = "") -> Explanation:
    """What was decided about the person with this e-mail address, and why.

    Args:
        item: a product id or family; empty: none in particular.

    Raises:
        SetupError: no such person or item is known, or nothing was decided yet.
    """
    latest = runs.latest(home.store, decided=True)
    if not latest:
        raise SetupError("nothing was decided yet", hint="lamplighter run")
    try:
        person = find(home, email)
        seen, keep = remembered(home.warehouse.versions("product")), home.warehouse.keep
        products = catalogue(seen, home.audiences.policy.sameness, keep)
        lists, stories = tuple(lists_of(person)), stories_of(person, products, latest[0].as_of)
        return Explanation(
            person_id=person.id,
            as_of=latest[0].as_of,
            contacts=person.contacts,
            traits=_traits(person),
            lists=lists,
            excluded=tuple(excluded_from(person)),
            suppressions=tuple(suppressions_of(person, products, lists, latest[0].as_of)),
            recommendations=tuple(_recommendations(person)),
            ad_audiences=ad_audiences(home, person.id),
            stories=stories,
            item=item_of(person, products, stories, item) if item else None,
        )
    finally:
        home.warehouse.release()


def _traits(person: Person) -> dict[str, Any]:
    found = person.rows("trait")
    if not found:
        return {}
    barriers = {name: found[0][name] or "none" for name in BARRIERS}  # nothing forbids it: not the same as unknown
    return {**{name: found[0][name] for name in TRAITS}, **barriers}


def _recommendations(person: Person) -> list[dict[str, Any]]:
    rows = sorted(person.rows("recommendation"), key=lambda row: row["rank"])
    return [{name: row[name] for name in ("rank", "product_id", "title", "why")} for row in rows]
