"""What was known at the split, and all that was known at the end: the two sides of every measure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import ibis.expr.types as ir

from connector.decide.families import sensitive_families
from connector.errors import SetupError
from connector.home import Home
from connector.merge.catalogue import Catalogue, catalogue
from connector.merge.identity import identify
from connector.merge.merged import merge
from connector.merge.seen import Seen, remembered
from connector.relations import Merged, at
from connector.schema import SEEN


@dataclass(frozen=True)
class History:
    """A home's own history, cut in two.

    Who is whom and which items are the same is what is known today: neither is what is measured.
    """

    home: Home
    split: datetime
    until: datetime
    lag: timedelta

    @cached_property
    def seen(self) -> Seen:
        warehouse = self.home.warehouse
        current = {table: warehouse.current(table) for table in SEEN}
        return Seen(**{**current, "product": remembered(warehouse.versions("product"))})

    @cached_property
    def person(self) -> ir.Table:
        """[person_id, identifier_type, identifier]."""
        return self.home.warehouse.keep(identify(self.seen, self.home.warehouse.versions("contact")).person)

    @cached_property
    def before(self) -> Merged:
        """What was known at the split, and nothing after it."""
        return self._merged(self.split)

    @cached_property
    def after(self) -> Merged:
        """Everything up to the end."""
        return self._merged(self.until)

    @cached_property
    def banned(self) -> ir.Table:
        """[family] that is sensitive: neither recommended nor asked for."""
        return self.home.warehouse.keep(sensitive_families(self.before.catalogue))

    @cached_property
    def impression(self) -> ir.Table:
        """[key, person_id, family, occurred_at, known_at] up to the end: ads shown to somebody known, with an item.

        `known_at` is when the identifier was first seen together with another one; None: it is the contact's own.
        """
        named = self.identified(self.ads.filter(lambda each: each.kind == "impression"))
        return self.home.warehouse.keep(named.select("key", "person_id", "family", "occurred_at", "known_at"))

    @cached_property
    def ads(self) -> ir.Table:
        """Impressions and clicks up to the end, as seen."""
        shown = self.seen.interaction
        return shown.filter(shown.kind.isin(["impression", "click"]), shown.occurred_at <= at(self.until))

    def identified(self, ads: ir.Table) -> ir.Table:
        """Those of some ads that have an item and somebody known, with `person_id`, `family` and `known_at`."""
        past = ads.filter(ads.product_id.notnull())
        theirs = past.inner_join(self.person, ["identifier_type", "identifier"])
        tied = theirs.left_join(self._ties(), ["identifier_type", "identifier"])
        plain = tied.select("key", "kind", "person_id", "product_id", "occurred_at", "known_at", "cost")
        return self.products.with_family(plain)

    @cached_property
    def products(self) -> Catalogue:
        """What is sold, by families."""
        return catalogue(self.seen.product, self.home.audiences.policy.sameness, self.home.warehouse.keep)

    def _ties(self) -> ir.Table:
        """[identifier_type, identifier, known_at] by every version of every link."""
        link = self.home.warehouse.versions("identity_link")
        ends = link.select(
            identifier_type="a_type", identifier="a_value", at=link.first_seen.coalesce(link.version)
        ).union(link.select(identifier_type="b_type", identifier="b_value", at=link.first_seen.coalesce(link.version)))
        anonymous = ends.filter(ends.identifier_type == "anonymous_id")
        return anonymous.group_by("identifier_type", "identifier").agg(known_at=anonymous["at"].min())

    def _merged(self, moment: datetime) -> Merged:
        return merge(self.seen, self.person, moment, self.home.warehouse.keep, self.home.audiences.policy.sameness)


def history(home: Home, split: datetime, until: datetime | None, lag: timedelta) -> History:
    """Cut a home's history at `split`; without `until` it ends with its newest order or event.

    Raises:
        SetupError: there is no history, or nothing of it after the split.
    """
    last = end_of(home)
    if split >= (until or last):
        raise SetupError(
            f"the history ends on {until or last:%Y-%m-%d %H:%M}, so nothing comes after the split",
            hint="lamplighter evaluate --split TIME, earlier than that",
        )
    return History(home, split, until or last, lag)


def end_of(home: Home) -> datetime:
    """When the newest order or event of a home happened. Raises SetupError where there is none."""
    line = home.warehouse.current("order_header")
    event = home.warehouse.current("interaction")
    ends = [
        table.aggregate(last=column.max()) for table, column in ((line, line.ordered_at), (event, event.occurred_at))
    ]
    found: list[datetime] = [end for end in (each.to_pyarrow()["last"][0].as_py() for each in ends) if end]
    if not found:
        raise SetupError("nothing was seen yet that could be evaluated", hint="lamplighter run")
    return max(found)
