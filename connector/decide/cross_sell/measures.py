"""How good lists of families are, by what people bought afterwards: recall@10 and nDCG@10."""

from math import log2

import ibis
import ibis.expr.types as ir

TOP = 10
GAINS = tuple(1 / log2(place + 2) for place in range(TOP))
IDEALS = tuple(sum(GAINS[: count + 1]) for count in range(TOP))
"""What the best list reaches for one new family, for two, and so on."""


def measured(listed: ir.Table, truth: ir.Table) -> ir.Table:
    """One row [recall, ndcg, people]: averages over the persons of `truth`, of whom each counts alike.

    recall: hits among the first 10 / all new families of the person. ndcg: binary gains, 1 / log2(place + 2), over
    those of a list that begins with as many hits as there are new families.

    Args:
        listed: [person_id, family, rank], the best first, rank 0.
        truth: [person_id, family], each once.
    """
    first = listed.filter(listed["rank"] < TOP).select("person_id", "family", place=listed["rank"])
    both = truth.left_join(first, ["person_id", "family"]).select(truth.person_id, first.place)
    gain = ibis.cases(*[(both.place == place, gain) for place, gain in enumerate(GAINS)], else_=0.0)
    person = both.group_by("person_id").agg(new=both.count(), hits=both.place.count(), gain=gain.sum())
    ideal = ibis.cases(*[(person.new == count, best) for count, best in enumerate(IDEALS, 1)], else_=IDEALS[-1])
    return person.aggregate(
        recall=(person.hits.cast("float64") / person.new).mean(),
        ndcg=(person.gain / ideal).mean(),
        people=person.count(),
    )
