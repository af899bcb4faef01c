"""Who fits which list: the rule, the consent its purpose needs, and the reason."""

from dataclasses import replace
from datetime import datetime

import ibis
import ibis.expr.types as ir

from connector.audiences import Audiences
from connector.decide.consent import barrier
from connector.decide.reasons import reason, spoken, stated
from connector.decide.rules import Story, holds, told, with_stories
from connector.decide.stories import TOLD, Basis, Options, story, suppressed_story
from connector.decide.text import json_object
from connector.model import Audience, Purpose
from connector.relations import Keep, among, lazily
from connector.rule_language import EACH_FAMILY, TRAITS, fields, leaves

ADDRESSED = (Purpose.EMAIL, Purpose.RETARGET)


def fitting(trait: ir.Table, basis: Basis, family: ir.Table, audiences: Audiences, keep: Keep = lazily) -> ir.Table:
    """[person_id, audience, reason, evidence, barrier] of every person whom the rule of an audience holds for.

    A person is wanted in the list where there is no `barrier`; else it says which consent keeps them out.

    Args:
        family: shop-wide figures of families; says which have a list of their own.
        keep: computes what several audiences share once.
    """
    stories = _shared_stories(basis, audiences, keep)
    parts = [
        _own_lists(one, basis.active, family)
        if EACH_FAMILY in one.rule
        else _members(one, trait, stories[one.purpose in ADDRESSED], basis.as_of)
        for one in audiences.audiences
    ]
    return ibis.union(*parts)


def listed(audiences: Audiences, family: ir.Table) -> tuple[Audience, ...]:
    """The audiences as lists: `each_family` becomes one a family that has a list of its own, named <name>_<family>."""
    own = family.filter(family.own_list).select("family", "title").order_by("family").to_pyarrow().to_pylist()
    expanded: list[Audience] = []
    for one in audiences.audiences:
        expanded += [_for_family(one, row["family"], row["title"]) for row in own] if EACH_FAMILY in one.rule else [one]
    return tuple(expanded)


def _for_family(audience: Audience, family: str, title: str) -> Audience:
    label = audience.label.format(title=title, family=family)
    return replace(audience, name=f"{audience.name}_{family}", label=label, rule={"suppressed": {"family": [family]}})


def _shared_stories(basis: Basis, audiences: Audiences, keep: Keep) -> dict[bool, Story]:
    """Story for audiences that address people and for those that do not, each computed once."""
    kept: dict[str, ir.Table] = {}

    def shared(addressed: bool) -> Story:
        def of(word: str, options: Options) -> ir.Table:
            name = f"{addressed} {word} {options}"
            if name not in kept:
                kept[name] = keep(story(basis, word, options, addressed))
            return kept[name]

        return of

    return {addressed: shared(addressed) for addressed in (True, False)}


def _members(audience: Audience, trait: ir.Table, stories: Story, as_of: datetime) -> ir.Table:
    person = with_stories(trait, audience.rule, stories)
    chosen = person.filter(holds(person, audience.rule, as_of))
    said = told(chosen, audience.rule)
    return chosen.select(
        "person_id",
        audience=ibis.literal(audience.name),
        reason=reason(audience.reason, {**spoken(chosen), **{name: said[name] for name in TOLD}}),
        evidence=said["evidence"].coalesce(_trait_evidence(chosen, audience)),
        barrier=barrier(chosen, audience.purpose),
    )


def _trait_evidence(person: ir.Table, audience: Audience) -> ir.StringValue:
    """The traits that the rule asks for or the reason names, as JSON."""
    asked = [name for word, options, _ in leaves(audience.rule) if word == "trait" for name in options]
    named = [name for name in fields(audience.reason) if name in TRAITS]
    return json_object(**{name: stated(person, name) for name in {*asked, *named}})


def _own_lists(audience: Audience, active: ir.Table, family: ir.Table) -> ir.Table:
    """Each person with a suppressed family that has a list, in that list."""
    own = family.filter(family.own_list).select("family")
    rows = suppressed_story(among(active, own, ["family"]))
    return rows.select(
        "person_id",
        audience=audience.name + "_" + rows.family,
        reason=reason(audience.reason, {name: rows[name] for name in TOLD}),
        evidence="evidence",
        barrier=ibis.null("string"),
    )
