"""Who must be decided again: persons with new rows, and persons for whom something ends without any news.

Everything else keeps the decisions it has. A full pass gives the same result; a test proves it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir

from connector.merge.identity import STRONG
from connector.merge.renamed import renamed
from connector.merge.sales import others
from connector.merge.seen import Seen
from connector.policies.sameness import SamenessPolicy
from connector.relations import Keep, Moment, at, lazily, newest

NOT_CONTENT = ("version", "run", "updated_at")


@dataclass(frozen=True, kw_only=True)
class News(Seen):
    """All versions of the seen tables, with their `run`, so that the new ones can be told from the old.

    Attributes:
        since: the last run whose decisions are complete; rows of later runs are news.
        before, as_of: the moment that run decided for, and the moment we decide for now.
        sameness: what counts as the same item, now as then.
    """

    since: int | ir.IntegerScalar
    before: Moment
    as_of: Moment
    sameness: SamenessPolicy = field(default_factory=SamenessPolicy)


def anything_new(news: News, trait: ir.Table) -> ir.BooleanScalar:
    """False when nobody needs to be decided again: no new row, none whose time has come, and nothing that ends."""
    rows = [
        *[table.filter(table.run > news.since) for table in (news.contact, news.product, news.identity_link)],
        _fresh(news.order_header, "ordered_at", news),
        _fresh(news.order_line, "ordered_at", news),
        _fresh(news.interaction, "occurred_at", news),
        _fresh(news.consent, "said_at", news),
        trait.filter(trait.next_change_at <= at(news.as_of)),
    ]
    return _any_row(rows)


def who_is_whom_may_differ(news: News) -> ir.BooleanScalar:
    """False when no new row can join, part or name persons, so that those known hold."""
    strong = news.interaction.filter(news.interaction.identifier_type.isin(STRONG))
    rows = [table.filter(table.run > news.since) for table in (news.contact, news.identity_link, strong)]
    return _any_row(rows)


def _any_row(tables: Sequence[ir.Table]) -> ir.BooleanScalar:
    counted = [table.limit(1).select(one=ibis.literal(1)) for table in tables]
    return ibis.union(*counted).count() > 0


def changed_persons(
    news: News, old_person: ir.Table, person: ir.Table, trait: ir.Table, keep: Keep = lazily
) -> ir.Table:
    """person_id of everybody to decide again, each once.

    Args:
        old_person: `person` rows that held until now (person_id, identifier_type, identifier).
        person: the same as of this run.
        trait: current traits (person_id, next_change_at).

    A person_id that is only in `old_person` was joined to another: it is named too, so that its rows end.
    """
    products = keep(_changed_products(news, keep))
    found = [
        *([] if old_person is person else [_differing(old_person, person)]),
        _owners(person, _contacts_with_news(news, products), "contact"),
        _owners_of_interactions(person, _interactions_with_news(news, products)),
        _owners_of_interactions(person, _consents_with_news(news)),
        trait.filter(trait.next_change_at <= at(news.as_of)).select("person_id"),
    ]
    return ibis.union(*found).distinct()


def _differing(old: ir.Table, new: ir.Table) -> ir.Table:
    keys = ["person_id", "identifier_type", "identifier"]
    gone = old.anti_join(new, keys).select("person_id")
    come = new.anti_join(old, keys).select("person_id")
    return gone.union(come)


def _owners(person: ir.Table, identifiers: ir.Table, kind: str) -> ir.Table:
    """Persons who own some identifiers of one kind (a table with one column `identifier`)."""
    of_kind = person.filter(person.identifier_type == kind)
    return of_kind.semi_join(identifiers, "identifier").select("person_id")


def _owners_of_interactions(person: ir.Table, interactions: ir.Table) -> ir.Table:
    return person.semi_join(interactions, ["identifier_type", "identifier"]).select("person_id")


def _contacts_with_news(news: News, products: ir.Table) -> ir.Table:
    """Contact keys whose own row, orders or lines are new, or whose lines are of a product that changed."""
    contacts = news.contact.filter(news.contact.run > news.since).select(identifier=news.contact.key)
    headers = _fresh(news.order_header, "ordered_at", news)
    lines = _fresh(news.order_line, "ordered_at", news).union(_lines_of(news, products))
    # any version's order and contact: what moved touches those it left, too
    moved = news.order_line.semi_join(lines.select("key").distinct(), "key")
    changed = moved.select(key=moved.order_key).union(headers.select("key")).distinct()
    touched = changed.union(others(news.order_header, changed))
    of_orders = news.order_header.semi_join(touched, "key").select(identifier=news.order_header.contact_key)
    of_lines = lines.select(identifier=lines.contact_key)
    return contacts.union(of_orders).union(of_lines).distinct()


def _interactions_with_news(news: News, products: ir.Table) -> ir.Table:
    fresh = _fresh(news.interaction, "occurred_at", news)
    of_products = news.interaction.semi_join(products, "product_id")
    keys = ["identifier_type", "identifier"]
    return fresh.select(keys).union(of_products.select(keys)).distinct()


def _consents_with_news(news: News) -> ir.Table:
    """Any version's speaker: a word that turns out to be another's is no longer theirs."""
    return news.consent.semi_join(_fresh(news.consent, "said_at", news).select("key").distinct(), "key")


def _fresh(rows: ir.Table, time: str, news: News) -> ir.Table:
    """Rows of later runs, and rows that lay in the future when we last decided."""
    is_new = rows.run > news.since
    has_come = (rows[time] > at(news.before)) & (rows[time] <= at(news.as_of))
    return rows.filter(is_new | has_come)


def _lines_of(news: News, products: ir.Table) -> ir.Table:
    """Lines that name some products ([product_id]), by id or by the key of a row that has it or had it."""
    by_id = news.order_line.semi_join(products, "product_id")
    rows = news.product.semi_join(products, "product_id").select(product_key=news.product.key)
    return by_id.union(news.order_line.semi_join(rows, "product_key"))


def _changed_products(news: News, keep: Keep) -> ir.Table:
    """[product_id] whose content differs from what we knew (a feed read again does not), or that mean something else.

    A product that came or changed may change what others are the same as; see `renamed`.
    """
    content = [name for name in news.product.columns if name not in NOT_CONTENT]
    rows = news.product
    new, known = rows.filter(rows.run > news.since), rows.filter(rows.run <= news.since)
    old = newest(known.semi_join(new, "key"))
    different = new.select(content).difference(old.select(content)).select("key")
    changed = rows.semi_join(different, "key").select("product_id").distinct()
    if not _any_row([different]).to_pyarrow().as_py():
        return changed
    named = ibis.union(*(table.select("product_id") for table in (rows, news.order_line, news.interaction)))
    return changed.union(renamed(known, rows, changed, named, news.sameness, keep)).distinct()
