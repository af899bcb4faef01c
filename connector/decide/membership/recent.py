"""Touches that no rule can ask for any more: most of them, where rules name how long ago is long enough."""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any

import ibis.expr.types as ir

from connector.audiences import Audiences
from connector.decide.membership.occurrences import single
from connector.relations import Keep, Moment, ago, lazily
from connector.rule_language import duration, leaves
from connector.rule_words import TOUCHES


def recent_touches(touch: ir.Table, audiences: Audiences, as_of: Moment, keep: Keep = lazily) -> ir.Table:
    """The rows of `touch` that rules may still ask for at `as_of`; all where a rule sets no limit in time."""
    asked = list(_asked(audiences))
    limits = [(word, duration(options["within"])) for word, options in asked if _limited(options)]
    if not limits or len(limits) < len(asked):
        return touch
    recent = [touch[f"last_{TOUCHES[word]}_at"] > ago(as_of, window) for word, window in sorted(set(limits))]
    return keep(touch.filter(reduce(or_, recent)))


def _asked(audiences: Audiences) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Words about touches that rules ask for, with their options."""
    for audience in audiences.audiences:
        for word, options, _ in leaves(audience.rule):
            if word in TOUCHES and not single(word, options):
                yield word, options


def _limited(options: Mapping[str, Any]) -> bool:
    return "within" in options and "not_within" not in options
