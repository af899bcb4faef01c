"""Whether an ad platform may be told of a person: what they said anywhere, and the law of where they live."""

import ibis
import ibis.expr.types as ir

from connector.policies.ads import OPT_OUT, OUTSIDE, AdsPolicy

ADS, PROFILING, EMAIL = "ads", "profiling", "email"
"""Purposes of the seen table `consent`."""
AD_STORAGE = "ad_storage"
"""A signal whose yes takes its own no back, and grants nothing."""
SAID = ("ads_refused", "ads_granted", "profiling_refused", "email_refused", "said_outside")


def words(consent: ir.Table) -> ir.Table:
    """[person_id, *SAID] of those who said something, by the newest word of each source and signal.

    Of words of one moment the refusal counts. A browser's GPC is a signal of its own, which no later grant by another
    signal takes back. `said_outside`: all countries they were in lie outside of EEA, UK and Switzerland; null: unknown.
    """
    keys = [consent[name] for name in ("person_id", "source", "signal", "purpose")]
    newest = ibis.window(group_by=keys, order_by=[consent.said_at.desc(), consent.granted])
    ranked = consent.mutate(age=ibis.row_number().over(newest))
    said = {purpose: (ranked.age == 0) & (ranked.purpose == purpose) for purpose in (ADS, PROFILING, EMAIL)}
    return ranked.group_by("person_id").agg(
        ads_refused=(said[ADS] & ~ranked.granted).any(),
        ads_granted=(said[ADS] & ranked.granted & (ranked.signal != AD_STORAGE)).any(),
        profiling_refused=(said[PROFILING] & ~ranked.granted).any(),
        email_refused=(said[EMAIL] & ~ranked.granted).any(),
        said_outside=outside(ranked.country),
    )


def outside(country: ir.StringColumn) -> ir.BooleanScalar:
    """Whether all countries of a group that are known lie outside; null where none is known."""
    return country.strip().nullif("").upper().isin(OUTSIDE).all()


def objecting(person: ir.Table) -> ir.Table:
    """`person` [*SAID, consents of contacts] with what was said anywhere in `profiling_opt_out`, `email_opt_out` and
    `mail_barrier`."""
    profiling, mail = person.profiling_refused.fill_null(False), person.email_refused.fill_null(False)
    return person.mutate(
        profiling_opt_out=ibis.ifelse(profiling, True, person.profiling_opt_out),
        email_opt_out=ibis.ifelse(mail, True, person.email_opt_out),
        mail_barrier=ibis.ifelse(mail, "opted_out", person.mail_barrier),
    )


def ads_barrier(person: ir.Table, policy: AdsPolicy) -> ir.StringValue:
    """Why no ad platform may be told of a person; null where it may. Unknown is no.

    Args:
        person: [ads_consent, profiling_opt_out, lives_outside, *SAID]; `lives_outside` as `said_outside`, of contacts.
    """
    refused = (person.ads_consent == False).fill_null(False) | person.ads_refused.fill_null(False)  # noqa: E712
    granted = person.ads_consent.fill_null(False) | person.ads_granted.fill_null(False)
    if policy.outside_eea == OPT_OUT:
        granted = granted | _outside(person)
    return ibis.cases(
        (refused, "ads_opt_out"),
        (person.profiling_opt_out.fill_null(False), "profiling_opt_out"),
        (~granted, "no_ads_consent"),
        else_=ibis.null("string"),
    )


def _outside(person: ir.Table) -> ir.BooleanValue:
    """Known to be outside by contacts or by what they said, and by neither to be inside."""
    lives, was = person.lives_outside, person.said_outside
    return (lives | was).fill_null(False) & lives.fill_null(True) & was.fill_null(True)
