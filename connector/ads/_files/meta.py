"""Meta: a customer list (Meta Business Help, "How to format a customer list")."""

from datetime import timedelta

from connector.ads._files.format import Format
from connector.ads._meta.spelling import match
from connector.model import AdTerms

FORMAT = Format(
    match=match,
    columns={"email": "email", "phone": "phone"},
    differences=True,
    terms=AdTerms(maximum_audiences=450, effect=timedelta(hours=24)),
    upload="Meta Ads Manager, Audiences, Custom audience, Customer list",
)
