"""What keeps a person out of the lists that address people: their consents, and what the CRM will not do."""

import ibis
import ibis.expr.types as ir

from connector.model import Purpose
from connector.policies.consent import ConsentPolicy

MAIL = {
    "opted_out": "opted out of all e-mail",
    "unsubscribed": "unsubscribed from this kind of e-mail",
    "quarantined": "the CRM has quarantined the address",
    "unknown_consent": "nobody knows whether they take e-mail",
    "no_legal_basis": "no legal basis for e-mail is recorded",
    "not_marketing": "not a marketing contact",
}
"""`mail_barrier` -> what it means. The strictest comes first: what a person refused before what nobody knows."""

WORDS = {
    **MAIL,
    "no_ads_consent": "ads were not granted",
    "ads_opt_out": "refused ads, or their browser did (GPC)",
    "profiling_opt_out": "objects to profiling",
    "holdout": "held out, to see what the list does",
    "limit": "the list is full, and others come first",
}
"""Why somebody is excluded -> the same in words."""

NOBODY = ""
"""Stands for "no barrier" while null means that there is no contact to ask."""


def mail_barrier(contact: ir.Table, policy: ConsentPolicy) -> ir.StringScalar:
    """The strictest barrier of the contacts of a group, NOBODY where there is none."""
    barred = _barred(contact, policy)
    return ibis.cases(*[(barred[name].any(), name) for name in MAIL if name in barred], else_=NOBODY)


def _barred(contact: ir.Table, policy: ConsentPolicy) -> dict[str, ir.BooleanColumn]:
    """Barrier -> whether it stands for a contact. Never null."""
    found = {
        "opted_out": contact.email_opt_out.fill_null(False),
        "unsubscribed": contact.subscription_opt_out.fill_null(False),
        "quarantined": contact.quarantined.fill_null(False),
        "unknown_consent": contact.email_opt_out.isnull(),
    }
    if policy.legal_basis_required:
        found["no_legal_basis"] = ~_has_basis(contact.legal_basis)
    if policy.marketing_only:  # a CRM that does not tell has no such status
        found["not_marketing"] = ~contact.marketable.fill_null(True)
    return found


def _has_basis(words: ir.StringColumn) -> ir.BooleanColumn:
    """Whether any of the words, separated by ";", is one: HubSpot writes `Not applicable` where none is."""
    return words.lower().replace("not applicable", "").re_replace(r"[;\s]", "").fill_null("") != ""


def barrier(person: ir.Table, purpose: Purpose) -> ir.StringValue:
    """Why this purpose may not use a person; null where it may. Unknown is no, but an objection must be made."""
    objection = ibis.ifelse(person.profiling_opt_out.fill_null(False), "profiling_opt_out", ibis.null("string"))
    if purpose is Purpose.EMAIL:
        return person.mail_barrier.coalesce(objection)
    if purpose is Purpose.RETARGET:
        return ibis.ifelse(person.ads_consent.fill_null(False), person.ads_barrier, "no_ads_consent")
    return ibis.null("string")


def tally(excluded: ir.Table) -> dict[str, dict[str, int]]:
    """Audience -> reason -> how many persons consent keeps out of it; by both names."""
    counted = excluded.group_by("audience", "reason").agg(persons=excluded.count())
    found: dict[str, dict[str, int]] = {}
    for row in counted.order_by("audience", "reason").to_pyarrow().to_pylist():
        found.setdefault(row["audience"], {})[row["reason"]] = row["persons"]
    return found
