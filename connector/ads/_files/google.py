"""Google Ads: a customer file (Google Ads help, "Format your customer data file")."""

from datetime import timedelta

from connector.ads._files.format import Format
from connector.ads._google.spelling import match
from connector.model import AdTerms

FORMAT = Format(
    match=match,
    columns={"email": "Email", "phone": "Phone"},
    differences=True,
    terms=AdTerms(longest=timedelta(days=540), effect=timedelta(hours=48)),
    upload="Google Ads, Audience manager, Your data segments, Customer list",
)
