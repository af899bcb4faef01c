"""What a person's contacts say of the person: one answer from several, the strictest where it is a consent."""

import ibis
import ibis.expr.types as ir

from connector.decide.exclusion.barrier import outside
from connector.decide.membership.consent import mail_barrier
from connector.policies.consent import ConsentPolicy

TEXTS = ("country", "region", "city", "gender", "lifecycle_stage")


def profiles(contact: ir.Table, policy: ConsentPolicy) -> ir.Table:
    """[person_id, country, region, city, gender, birth_date, lifecycle_stage, created_at, consents, lives_outside,
    mail_barrier].

    Args:
        contact: live contacts with `person_id`, of one CRM or of several. Of several values that of the contact
            counts which a person updated last, of those that have one (ties by key); `created_at` is the earliest.
    """
    filled = contact.mutate(**{name: contact[name].strip().nullif("") for name in TEXTS})
    newest = [filled.updated_at.desc(nulls_first=False), filled.key]
    aged = filled.mutate(age=ibis.row_number().over(ibis.window(group_by=filled.person_id, order_by=newest)))
    return aged.group_by("person_id").agg(
        **{name: aged[name].argmin(aged.age, where=aged[name].notnull()) for name in (*TEXTS, "birth_date")},
        created_at=aged.created_at.min(),
        email_opt_out=refused(aged.email_opt_out),
        ads_consent=granted(aged.ads_consent),
        profiling_opt_out=refused(aged.profiling_opt_out),
        lives_outside=outside(aged.country),
        mail_barrier=mail_barrier(aged, policy),
    )


def refused(answer: ir.BooleanColumn) -> ir.BooleanScalar:
    """Any True is True; False only where all are known to be False; else unknown."""
    return ibis.cases((answer.any(), True), (answer.isnull().any(), ibis.null("boolean")), else_=False)


def granted(answer: ir.BooleanColumn) -> ir.BooleanScalar:
    """Any False is False; True only where all are known to be True; else unknown."""
    return ibis.cases((~answer.all(), False), (answer.isnull().any(), ibis.null("boolean")), else_=True)
