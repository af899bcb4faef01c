"""What every org has from its first day: itself, its users, a standard price book, statuses; a shop's own fields."""

from typing import Any

from connector.sandbox.salesforce_ids import make_id
from connector.sandbox.salesforce_org import Org, Session, User
from connector.sandbox.salesforce_rows import make_row, next_id, put

STANDARD_BOOK = make_id("01s", 1)
SHOP = "Web customers"
"""The account of everybody who is no person account, and of guests."""
FIELDS = (
    ("Contact", 'Customer_Id__c string:80 cufsgnUE "Customer Id"'),
    ("Contact", 'Ads_Consent__c picklist cufsgn =granted|denied|unknown "Ads Consent"'),
    ("Order", 'Ordered_At__c datetime cufsn "Ordered At"'),
)
"""What this shop added to the standard objects."""
ORDER_STATUSES = ("Draft", "Activated", "Canceled", "Expired")
STAGES = (
    ("Prospecting", 0, 0, 10.0),
    ("Proposal/Price Quote", 0, 0, 75.0),
    ("Negotiation/Review", 0, 0, 90.0),
    ("Closed Won", 1, 1, 100.0),
    ("Closed Lost", 1, 0, 0.0),
)


def furnish(org: Org) -> None:
    """Give a new org what it needs before anybody works in it."""
    session = Session(org, org.automated)
    for user in org.users.values():
        _put(session, "User", user.id, **_user(user))
    _put(session, "Organization", org.id, **_organization())
    _put(session, "Pricebook2", STANDARD_BOOK, Name="Standard Price Book", IsActive=1, IsStandard=1)
    org.state.reserve("Pricebook2", 1)
    for place, label in enumerate(ORDER_STATUSES, 1):
        values: dict[str, Any] = {"ApiName": label, "MasterLabel": label, "StatusCode": label, "SortOrder": place}
        furnish_with(org, "OrderStatus", **values, IsDefault=int(place == 1))
    for place, (label, closed, won, probability) in enumerate(STAGES, 1):
        values = {"ApiName": label, "MasterLabel": label, "IsClosed": closed, "IsWon": won, "SortOrder": place}
        furnish_with(org, "OpportunityStage", **values, IsActive=1, DefaultProbability=probability)
    for name, line in FIELDS:
        org.add_field(org.schema[name], line)


def _user(user: User) -> dict[str, Any]:
    return {
        "Username": user.username,
        "Email": user.email,
        "FirstName": user.first_name,
        "LastName": user.last_name,
        "Name": f"{user.first_name} {user.last_name}",
        "Alias": user.username[:8],
        "IsActive": 1,
        "TimeZoneSidKey": "GMT",
        "LocaleSidKey": "en_GB",
        "LanguageLocaleKey": "en_US",
        "ProfileId": make_id("00e", 1),
        "UserType": "Standard",
        "UserPermissionsMarketingUser": 1,
        "DefaultCurrencyIsoCode": "GBP",
    }


def _organization() -> dict[str, Any]:
    return {
        "Name": "Lamp shop",
        "Country": "GB",
        "LanguageLocaleKey": "en_US",
        "TimeZoneSidKey": "GMT",
        "DefaultLocaleSidKey": "en_GB",
        "OrganizationType": "Enterprise Edition",
        "InstanceName": "SBX1",
    }


def furnish_with(org: Org, name: str, **values: Any) -> None:
    """One more record that comes with the org, and by no API."""
    _put(Session(org, org.automated), name, next_id(org, org.schema[name]), **values)


def _put(session: Session, name: str, id: str, **values: Any) -> None:
    kind = session.org.schema[name]
    put(session.org, kind, make_row(session, kind, id, values))
