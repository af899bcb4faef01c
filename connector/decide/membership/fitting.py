"""Who fits which list: the rule, the consent its purpose needs, and the reason."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import ibis
import ibis.expr.types as ir

from connector.audiences import Audiences
from connector.decide.figures import Figures
from connector.decide.membership.consent import barrier
from connector.decide.membership.reasons import reason, spoken, stated
from connector.decide.membership.rules import holds, told, with_stories
from connector.decide.membership.shares import held_out, past_limit
from connector.decide.membership.stories import TOLD, Basis, Options, story, suppressed_story
from connector.decide.text import json_object
from connector.model import Audience, Purpose
from connector.relations import Keep, among, lazily, without
from connector.rule_language import fields, leaves
from connector.rule_words import EACH_FAMILY, TRAITS

ADDRESSED = (Purpose.EMAIL, Purpose.RETARGET)
Shared = Callable[[bool, str, Options], ir.Table]
"""addressed, word and options -> their story, computed once for all audiences that ask."""


def fitting(trait: ir.Table, basis: Basis, figures: Figures, audiences: Audiences, keep: Keep = lazily) -> ir.Table:
    """[person_id, audience, reason, evidence, barrier] of every person whom the rule of an audience holds for.

    A person is wanted in the list where there is no `barrier`; else it says what keeps them out: a consent, that the
    audience holds them out, or that others come first in a list with a limit.

    Args:
        figures: say which families have a list of their own, where limits are drawn, and which lists are left out.
        keep: computes what several audiences share once.
    """
    shared = _shared_stories(basis, audiences, keep)
    parts = [
        _own_lists(one, basis.active, figures.family)
        if EACH_FAMILY in one.rule
        else _members(one, trait, shared, figures.cutpoint, basis)
        for one in audiences.audiences
    ]
    return without(ibis.union(*parts), figures.left_out, ["audience"])


def listed(audiences: Audiences, family: ir.Table, left_out: ir.Table) -> tuple[Audience, ...]:
    """The audiences as lists: `each_family` becomes one a family that has a list of its own, named <name>_<family>.

    Lists that are left out for want of room are not among them.
    """
    own = family.filter(family.own_list).select("family", "title").order_by("family").to_pyarrow().to_pylist()
    expanded: list[Audience] = []
    for one in audiences.audiences:
        expanded += [_for_family(one, row["family"], row["title"]) for row in own] if EACH_FAMILY in one.rule else [one]
    gone = set(left_out.select("audience").to_pyarrow()["audience"].to_pylist())
    return tuple(one for one in expanded if one.name not in gone)


def _for_family(audience: Audience, family: str, title: str) -> Audience:
    label = audience.label.format(title=title, family=family)
    return replace(audience, name=f"{audience.name}_{family}", label=label, rule={"suppressed": {"family": [family]}})


def _shared_stories(basis: Basis, audiences: Audiences, keep: Keep) -> Shared:
    """Stories that tell what any audience names of them."""
    asked: dict[str, dict[str, None]] = {}
    for one in audiences.audiences:
        for word, options, _ in leaves(one.rule):
            asked.setdefault(_key(one.purpose in ADDRESSED, word, options), {}).update(dict.fromkeys(_named(one)))
    kept: dict[str, ir.Table] = {}

    def shared(addressed: bool, word: str, options: Options) -> ir.Table:
        key = _key(addressed, word, options)
        if key not in kept:
            kept[key] = keep(story(basis, word, options, addressed, list(asked[key])))
        return kept[key]

    return shared


def _key(addressed: bool, word: str, options: Options) -> str:
    return f"{addressed} {word} {options}"


def _named(audience: Audience) -> list[str]:
    """What the reason names of an item."""
    return [name for name in dict.fromkeys(fields(audience.reason)) if name in TOLD]


def _members(audience: Audience, trait: ir.Table, shared: Shared, cutpoint: ir.Table, basis: Basis) -> ir.Table:
    named, stories = _named(audience), partial(shared, audience.purpose in ADDRESSED)
    person = with_stories(trait, audience.rule, stories, named)
    chosen = past_limit(person.filter(holds(person, audience.rule, basis.as_of)), audience, cutpoint)
    said = told(chosen, audience.rule, named)
    bar = barrier(chosen, audience.purpose).coalesce(held_out(chosen.person_id, audience), chosen.over)
    return chosen.select(
        "person_id",
        audience=ibis.literal(audience.name),
        reason=reason(audience.reason, {**spoken(chosen, fields(audience.reason)), **said}),
        evidence=said["evidence"].coalesce(_trait_evidence(chosen, audience)),
        barrier=bar,
    )


def _trait_evidence(person: ir.Table, audience: Audience) -> ir.StringValue:
    """The traits that the rule asks for or the reason names, as JSON."""
    asked = [name for word, options, _ in leaves(audience.rule) if word == "trait" for name in options]
    named = [name for name in fields(audience.reason) if name in TRAITS]
    return json_object(**{name: stated(person, name) for name in {*asked, *named}})


def _own_lists(audience: Audience, active: ir.Table, family: ir.Table) -> ir.Table:
    """Each person with a suppressed family that has a list, in that list."""
    own = family.filter(family.own_list).select("family")
    rows = suppressed_story(among(active, own, ["family"]), ["family", *_named(audience)])
    return rows.select(
        "person_id",
        audience=audience.name + "_" + rows.family,
        reason=reason(audience.reason, {name: rows[name] for name in _named(audience)}),
        evidence="evidence",
        barrier=ibis.null("string"),
    )
