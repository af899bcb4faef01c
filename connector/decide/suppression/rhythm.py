"""What the shop's own history says of each family: bought once for long, used up and bought again, or in pieces.

A share of buyers is shrunk to that of the product type, and this to the shop's: with `x` of `n` buyers and a prior
worth STRENGTH buyers it is (x + STRENGTH * prior) / (n + STRENGTH), the mean of a Beta posterior (empirical Bayes as in
Efron and Morris 1975, with a stated strength instead of a fitted one, so that a person can check it by hand). A median
gap is shrunk in the same way in logarithms, with the number of gaps as `n`: few gaps say little, and gaps are skewed.
"""

from datetime import datetime

import ibis
import ibis.expr.types as ir

from connector.relations import at

DURABLE, REPLENISHABLE, PIECES, PLAIN = "durable", "replenishable", "pieces", "plain"
STRENGTH = 20.0
"""What the parent's figure counts beside a family's own: as so many buyers, or gaps."""
REPLENISHED_SHARE = 0.30
"""Share of buyers who buy again from which on a family is replenishable."""
PIECES_SHARE = 0.15
"""Share of buyers who buy again soon, and then no more, from which on a family is bought in pieces."""
SOON = 30
"""Days within which a set is completed."""
OF_THE_GAP = 0.7
"""Part of the median gap after which a family may be shown again: before most need it, after nobody does."""
SHORTEST_PIECES, LONGEST_PIECES = 7, SOON
HALF = 0.500001
"""Rounds up on every engine, whatever the last digit of its logarithms."""
FEWEST_BUYERS = 20
"""Of a family's product type, below which nothing is learned of it."""
FEWEST_DAYS = 90
"""Of the shop's history, below which nothing is learned at all."""
DAY = 86_400
COUNTS = ("buyers", "again", "soon", "gaps")
PAIR = ("person_id", "family")


def rhythms(line: ir.Table, family: ir.Table, as_of: datetime) -> ir.Table:
    """The figure `rhythm`: one row for each family with a buyer.

    A family is replenishable where the shrunk share of buyers who buy again on another day reaches REPLENISHED_SHARE,
    and no more than half of them did so within SOON days only; its window is OF_THE_GAP of the shrunk median gap. Else
    it is bought in pieces where the shrunk share of those who did reaches PIECES_SHARE; its window is the same part of
    the gap, within SHORTEST_PIECES and LONGEST_PIECES. Else it is durable. Gifts say nothing of the giver's need.

    Args:
        line: of all persons, with `counts`.
        family: the figure of that name, for product types.
    """
    days = _days(line)
    typed = days.left_join(family.select("family", "product_type"), "family").drop("family_right")
    typed = typed.mutate(kind_of=typed.product_type.fill_null(""))
    pair, gap = _pairs(typed), _gaps(typed)
    own = _counted(pair, gap, ["family", "kind_of"]).inner_join(_usual(days), "family")
    parent = _counted(pair, gap, ["kind_of"])
    shop = _counted(pair.mutate(shop=0), gap.mutate(shop=0), ["shop"]).cross_join(_span(days, as_of))
    return _told(_classed(_shrunk(own, parent, shop)))


def _days(line: ir.Table) -> ir.Table:
    """[person_id, family, day, quantity] of days on which somebody bought a family for themselves."""
    bought = line.filter(line.counts > 0, line.family.notnull(), line.person_id.notnull(), ~line.gift)
    day = bought.mutate(day=bought.ordered_at.truncate("D"))
    return day.group_by(*PAIR, "day").agg(quantity=day.counts.sum().cast("float64"))


def _pairs(days: ir.Table) -> ir.Table:
    """[person_id, family, kind_of, again, soon], one row a buyer and family."""
    pair = days.group_by(*PAIR, "kind_of").agg(first=days.day.min(), last=days.day.max())
    later = _apart(pair.first, pair.last)
    return pair.mutate(again=pair.last > pair.first, soon=(pair.last > pair.first) & (later <= SOON))


def _apart(first: ir.TimestampValue, last: ir.TimestampValue) -> ir.FloatingValue:
    """Whole days between two midnights."""
    return (last.epoch_seconds() - first.epoch_seconds()).cast("float64") / DAY


def _gaps(days: ir.Table) -> ir.Table:
    """[family, kind_of, gap] in days, one row for each purchase after another."""
    before = ibis.window(group_by=[days.person_id, days.family], order_by=days.day)
    spaced = days.mutate(before=days.day.lag().over(before))
    again = spaced.filter(spaced.before.notnull())
    return again.select("family", "kind_of", gap=_apart(again.before, again.day))


def _usual(days: ir.Table) -> ir.Table:
    return days.group_by("family").agg(usual=days.quantity.median())


def _span(days: ir.Table, as_of: datetime) -> ir.Table:
    """[span]: days from the first purchase until now."""
    return days.agg(span=(at(as_of).epoch_seconds() - days.day.min().epoch_seconds()).cast("float64") / DAY)


def _counted(pair: ir.Table, gap: ir.Table, by: list[str]) -> ir.Table:
    """[*by, *COUNTS, median] of each group."""
    people = pair.group_by(*by).agg(buyers=pair.count(), again=pair.again.sum(), soon=pair.soon.sum())
    apart = gap.group_by(*by).agg(gaps=gap.count(), median=gap.gap.median())
    both = people.left_join(apart, by).select(*[people[name] for name in people.columns], apart.gaps, apart.median)
    return both.mutate(gaps=both.gaps.fill_null(0))


def _shrunk(own: ir.Table, parent: ir.Table, shop: ir.Table) -> ir.Table:
    """Own counts with `share`, `soon_share` and `gap`, shrunk; `kin`: buyers of the product type; the shop's `span`."""
    shop = shop.drop("shop")
    kin = parent.rename({f"kin_{name}": name for name in (*COUNTS, "median")})
    all_of = shop.rename({f"all_{name}": name for name in (*COUNTS, "median")})
    known = own.inner_join(kin, "kind_of").cross_join(all_of)
    shares = {
        said: _share(known, "", name, _share(known, "kin_", name, known[f"all_{name}"] / known.all_buyers))
        for said, name in (("share", "again"), ("soon_share", "soon"))
    }
    gap = _middle(known, "", _middle(known, "kin_", known.all_median.ln())).exp()
    return known.mutate(**shares, gap=gap, kin=known.kin_buyers).select(*own.columns, *shares, "gap", "kin", "span")


def _share(known: ir.Table, level: str, name: str, prior: ir.FloatingValue) -> ir.FloatingValue:
    return (known[f"{level}{name}"] + STRENGTH * prior) / (known[f"{level}buyers"] + STRENGTH)


def _middle(known: ir.Table, level: str, prior: ir.FloatingValue) -> ir.FloatingValue:
    """The logarithm of a median gap."""
    gaps, median = known[f"{level}gaps"], known[f"{level}median"]
    return (gaps * median.fill_null(1.0).ln() + STRENGTH * prior) / (gaps + STRENGTH)


def _classed(known: ir.Table) -> ir.Table:
    """The same and `kind` and `days`."""
    enough = (known.kin >= FEWEST_BUYERS) & (known.span >= FEWEST_DAYS)
    kind = ibis.cases(
        (~enough, PLAIN),
        ((known.share >= REPLENISHED_SHARE) & (2 * known.soon <= known.again), REPLENISHABLE),
        (known.soon_share >= PIECES_SHARE, PIECES),
        else_=DURABLE,
    )
    part = (known.gap * OF_THE_GAP + HALF).floor().cast("int64")
    return known.mutate(kind=kind).mutate(
        days=ibis.cases(
            (kind == REPLENISHABLE, ibis.greatest(part, 1)),
            (kind == PIECES, ibis.least(ibis.greatest(part, SHORTEST_PIECES), LONGEST_PIECES)),
        )
    )


def _told(known: ir.Table) -> ir.Table:
    """The same and `why`, in words."""
    of = " of " + known.buyers.cast("string") + " buyers bought "
    again = known.again.cast("string") + of + "it again, " + _percent(known.share)
    soon = known.soon.cast("string") + of + f"more within {SOON} days and then no more, " + _percent(known.soon_share)
    gap, days = known.gap.floor().cast("int64").cast("string"), "; so " + known.days.cast("string") + " days"
    why = ibis.cases(
        (known.span < FEWEST_DAYS, f"less than {FEWEST_DAYS} days of history: the plain window"),
        (known.kind == PLAIN, f"fewer than {FEWEST_BUYERS} buyers of its kind: the plain window"),
        (known.kind == REPLENISHABLE, again + ", half of them within " + gap + " days" + days),
        (known.kind == PIECES, soon + days),
        else_=again + ": out of ads for long",
    )
    columns = ("family", "kind", "buyers", "again", "soon", "share", "soon_share", "gap", "usual", "days")
    return known.mutate(why=why).select(*columns, "why")


def _percent(share: ir.FloatingValue) -> ir.StringValue:
    return (share * 100).floor().cast("int64").cast("string") + "% counted with its kind"
