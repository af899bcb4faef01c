"""When something of a person ends or begins by itself, so that nobody need be decided again before that."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from connector.audiences import Audiences
from connector.decide.membership.occurrences import occurrences, single
from connector.decide.membership.stories import Basis
from connector.decide.trait.traits import TURNS
from connector.relations import ago, at, lasting
from connector.rule_language import duration, leaves
from connector.rule_words import TOUCHES


def next_changes(trait: ir.Table, basis: Basis, audiences: Audiences) -> ir.Table:
    """[person_id, next_change_at]: the first moment after `as_of` when something of the person may change without news.

    These are the ends of suppressions and of cool-downs after a mail, the turns of traits, and the ends of what rules
    call `within` or `not_within`.
    """
    active, contact = basis.active, basis.merged.contact
    moments = ibis.union(
        _at(active, active.until),
        *[_at(trait, trait[name]) for name in TURNS],
        _at(contact, contact.mailed_at + lasting(audiences.policy.cross_sell.cool_down)),
        *_ends(trait, basis, audiences),
    )
    ahead = moments.filter(moments.at > at(basis.as_of))
    return ahead.group_by("person_id").agg(next_change_at=ahead.at.min())


def _at(rows: ir.Table, moment: ir.TimestampValue) -> ir.Table:
    return rows.select("person_id", at=moment.cast("timestamp('UTC')"))


def _ends(trait: ir.Table, basis: Basis, audiences: Audiences) -> Iterator[ir.Table]:
    """[person_id, at] for each length of time that any audience asks for."""
    for word, of_events, window in sorted(_asked(audiences)):
        rows, column = _moments(trait, basis, word, of_events)
        recent = rows.filter(rows[column] > ago(basis.as_of, window)) if of_events else rows
        yield _at(recent, recent[column] + lasting(window))


def _moments(trait: ir.Table, basis: Basis, word: str, of_events: bool) -> tuple[ir.Table, str]:
    """Rows whose moments count for a word or trait, and their column. Of single events each may leave the window."""
    if of_events:
        return occurrences(basis.merged, word), "moment"
    if word in TOUCHES:
        return basis.merged.touch, f"last_{TOUCHES[word]}_at"
    standing = {"bought": (basis.merged.holding, "last_purchase_at")}
    standing |= {"suppressed": (basis.active, "since"), "replenish_due": (basis.due, "due_at")}
    return standing.get(word, (trait, word))


def _asked(audiences: Audiences) -> set[tuple[str, bool, timedelta]]:
    """(word or trait, about single events, length) of every `within` and `not_within`."""
    found = set()
    for audience in audiences.audiences:
        for word, options, _ in leaves(audience.rule):
            conditions: Mapping[str, Any] = options if word == "trait" else {word: options}
            found |= {
                (name, word != "trait" and single(name, one), duration(one[length]))
                for name, one in conditions.items()
                for length in ("within", "not_within")
                if length in one
            }
    return found
