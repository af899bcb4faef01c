"""What the shop's own history says of each family: bought once for long, used up and bought again, or in pieces.

A share of buyers is shrunk to that of the product type, and this to the shop's: with `x` of `n` buyers and a prior
worth STRENGTH buyers it is (x + STRENGTH * prior) / (n + STRENGTH), the mean of a Beta posterior (empirical Bayes as in
Efron and Morris 1975, with a stated strength instead of a fitted one, so that a person can check it by hand). A median
gap is shrunk in the same way in logarithms, with the number of gaps as `n`: few gaps say little, and gaps are skewed.
"""

from datetime import datetime

import ibis
import ibis.expr.types as ir

from connector.relations import Keep, among, at, lazily

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
PEOPLE = ("buyers", "again", "soon")
COUNTS = (*PEOPLE, "gaps")
PAIR = ("person_id", "family")


def rhythms(line: ir.Table, family: ir.Table, as_of: datetime, keep: Keep = lazily) -> ir.Table:
    """The figure `rhythm`: one row for each family with a buyer.

    A family is replenishable where the shrunk share of buyers who buy again on another day reaches REPLENISHED_SHARE,
    and no more than half of them did so within SOON days only; its window is OF_THE_GAP of the shrunk median gap. Else
    it is bought in pieces where the shrunk share of those who did reaches PIECES_SHARE; its window is the same part of
    the gap, within SHORTEST_PIECES and LONGEST_PIECES. Else it is durable. Gifts say nothing of the giver's need.

    Args:
        line: of all persons, with `counts`.
        family: the figure of that name, for product types.
    """
    bought = line.filter(line.counts > 0, line.family.notnull(), line.person_id.notnull(), ~line.gift)
    pair = keep(_pairs(bought))
    days = keep(_days(among(bought, pair.filter(pair.lines > 1), PAIR)))
    gap = keep(_typed(_gaps(days), family))
    people = keep(_typed(_people(pair, days), family))
    own = _with_gaps(people, gap, ["family", "kind_of"]).inner_join(_usual(pair, days), "family")
    parent = _with_gaps(_added(people, ["kind_of"]), gap, ["kind_of"])
    shop = _with_gaps(_added(people.mutate(shop=0), ["shop"]), gap.mutate(shop=0), ["shop"])
    return _told(_classed(_shrunk(own, parent, shop.cross_join(_span(pair, as_of)))))


def _pairs(bought: ir.Table) -> ir.Table:
    """[person_id, family, first, quantity, lines], one row a buyer and family: most of them bought it once."""
    return bought.group_by(*PAIR).agg(
        first=bought.ordered_at.min(), quantity=bought.counts.sum().cast("float64"), lines=bought.count()
    )


def _days(bought: ir.Table) -> ir.Table:
    """[person_id, family, day, quantity] of days on which somebody bought a family."""
    day = bought.mutate(day=bought.ordered_at.truncate("D"))
    return day.group_by(*PAIR, "day").agg(quantity=day.counts.sum().cast("float64"))


def _typed(rows: ir.Table, family: ir.Table) -> ir.Table:
    """Rows with the `kind_of` thing that their family is, "" where nobody says."""
    known = rows.left_join(family.select("family", "product_type"), "family")
    return known.mutate(kind_of=known.product_type.fill_null("")).drop("family_right", "product_type")


def _people(pair: ir.Table, days: ir.Table) -> ir.Table:
    """[family, buyers, again, soon] of each family: who bought it, on several days, on several that lie close."""
    ends = days.group_by(*PAIR).agg(first=days.day.min(), last=days.day.max())
    later = ends.filter(ends.last > ends.first)
    close = _apart(later.first, later.last) <= SOON
    again = later.group_by("family").agg(again=later.count(), soon=later.count(where=close))
    both = pair.group_by("family").agg(buyers=pair.count()).left_join(again, "family").drop("family_right")
    return both.mutate(again=both.again.fill_null(0), soon=both.soon.fill_null(0))


def _apart(first: ir.TimestampValue, last: ir.TimestampValue) -> ir.FloatingValue:
    """Whole days between two midnights."""
    return (last.epoch_seconds() - first.epoch_seconds()).cast("float64") / DAY


def _gaps(days: ir.Table) -> ir.Table:
    """[family, gap] in days, one row for each purchase after another."""
    before = ibis.window(group_by=[days.person_id, days.family], order_by=days.day)
    spaced = days.mutate(before=days.day.lag().over(before))
    again = spaced.filter(spaced.before.notnull())
    return again.select("family", gap=_apart(again.before, again.day))


def _usual(pair: ir.Table, days: ir.Table) -> ir.Table:
    """[family, usual]: the median of what was bought on a day."""
    once = pair.filter(pair.lines == 1).select("family", "quantity")
    every = once.union(days.select("family", "quantity"))
    return every.group_by("family").agg(usual=every.quantity.median())


def _span(pair: ir.Table, as_of: datetime) -> ir.Table:
    """[span]: days from that of the first purchase until now."""
    begin = pair.first.min().truncate("D")
    return pair.agg(span=(at(as_of).epoch_seconds() - begin.epoch_seconds()).cast("float64") / DAY)


def _added(people: ir.Table, by: list[str]) -> ir.Table:
    """[*by, buyers, again, soon] of several families together."""
    return people.group_by(*by).agg(**{name: people[name].sum().cast("int64") for name in PEOPLE})


def _with_gaps(people: ir.Table, gap: ir.Table, by: list[str]) -> ir.Table:
    """[*by, *COUNTS, median] of each group."""
    apart = gap.group_by(*by).agg(gaps=gap.count(), median=gap.gap.median())
    named = [people[name] for name in (*by, *PEOPLE)]
    return people.left_join(apart, by).select(*named, gaps=apart.gaps.fill_null(0), median=apart.median)


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
