"""What leaves whatever a guard has found: people who must be kept out of ads, and people who said no."""

from collections.abc import Mapping
from dataclasses import replace

from connector.home import Home
from connector.model import Audience, Purpose
from connector.pipeline.pushing.outgoing import contacts_of
from connector.push.plan import Change, Plan
from connector.store import ad_members

REFUSED = ("opted_out", "unsubscribed", "profiling_opt_out", "ads_opt_out")
"""Reasons that somebody gave. That nothing is known of a person is none: it may be our sight that is gone."""
UNKNOWN = "no_ads_consent"
"""`ads_barrier` of a person of whom nothing is known."""


def protecting(home: Home, plan: Plan, audiences: Mapping[str, Audience]) -> Plan:
    """The part of a CRM's plan that adds people to exclusion lists, as far as their own guards allow it, and that takes
    people out of lists since they refused what these are for."""
    refusing = _refusing(home, plan)
    kept = {name: _protecting(name, change, plan, audiences, refusing) for name, change in plan.lists.items()}
    return replace(plan, lists={n: one for n, one in kept.items() if one.size}, properties={}, held=frozenset())


def _protecting(
    name: str, change: Change, plan: Plan, audiences: Mapping[str, Audience], refusing: set[tuple[str, str]]
) -> Change:
    keeps_out = name in audiences and audiences[name].purpose is Purpose.EXCLUDE and name not in plan.held
    return Change(
        add=list(change.add) if keeps_out else [],
        remove=[member for member in change.remove if (name, member) in refusing],
        restated=change.restated if keeps_out else 0,
    )


def _refusing(home: Home, plan: Plan) -> set[tuple[str, str]]:
    """(audience, member) of whoever refused, of lists that the plan takes people out of."""
    names = [name for name, change in plan.lists.items() if change.remove]
    if not names:
        return set()
    excluded = home.warehouse.derived("excluded")
    excluded = excluded.filter(excluded.reason.isin(REFUSED), excluded.audience.isin(names))
    found = excluded.join(contacts_of(home, plan.destination), "person_id").select("audience", "member").to_pyarrow()
    return set(zip(found["audience"].to_pylist(), found["member"].to_pylist(), strict=True))


def withdrawn(home: Home, plan: Plan) -> Plan:
    """Of an ad platform's withdrawals those of everybody but persons of whom merely nothing is known."""
    leaving = {member for change in plan.lists.values() for member in change.remove}
    whose = ad_members.persons_of(home.store, plan.destination, leaving)
    trait = home.warehouse.derived("trait")
    unknown = trait.filter(trait.ads_barrier == UNKNOWN, trait.person_id.isin(sorted(set(whose.values()))))
    silent = set(unknown.select("person_id").to_pyarrow()["person_id"].to_pylist()) if whose else set()
    kept = {
        name: Change(remove=[one for one in change.remove if whose.get(one) not in silent])
        for name, change in plan.lists.items()
    }
    return replace(plan, lists={name: change for name, change in kept.items() if change.size})
