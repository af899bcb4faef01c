"""The properties a new portal has, and what a property definition looks like."""

from collections.abc import Iterable, Iterator
from typing import Any

from connector.sandbox.clock import iso

FIELD_TYPES = {
    "string": ("text", "textarea", "file", "html", "phonenumber"),
    "number": ("number", "calculation_equation"),
    "date": ("date",),
    "datetime": ("date",),
    "bool": ("booleancheckbox", "calculation_equation"),
    "enumeration": ("select", "radio", "checkbox", "booleancheckbox"),
}
"""type -> the fieldTypes it goes with; the first is the usual one."""

STAGES = "subscriber lead marketingqualifiedlead salesqualifiedlead opportunity customer evangelist other"

LEGAL_BASES = (
    "Legitimate interest – prospect/lead",
    "Legitimate interest – existing customer",
    "Legitimate interest - other",
    "Performance of a contract",
    "Freely given consent from contact",
    "Not applicable",
)
"""Options of `hs_legal_basis`, of which a contact may have several; HubSpot writes two dashes and a hyphen."""

BY_PEOPLE = frozenset({"hs_marketable_status", "hs_email_quarantined"})
"""Read only for the API, set in the portal by people or by HubSpot itself."""

# name, type, then the options of an enumeration; "!" marks what the API may not write
BUILT_IN = {
    "0-1": f"""
        email string; phone string; mobilephone string; salutation string; firstname string; lastname string
        country string; hs_country_region_code string; state string; hs_state_code string; city string; zip string
        address string; company string; jobtitle string; website string; gender string; date_of_birth string
        lifecyclestage enumeration {STAGES}
        hs_email_optout bool; hs_email_quarantined! bool; hs_legal_basis enumeration
        hs_marketable_status! enumeration true false
        hs_additional_emails string; hs_merged_object_ids! string
        customer_id string; ads_consent enumeration granted denied unknown""",
    "0-2": "name string; domain string; industry string; phone string; hs_merged_object_ids! string",
    "0-3": """
        dealname string; amount number; closedate datetime; dealstage enumeration; pipeline enumeration
        deal_currency_code string; hs_is_closed! bool; hs_is_closed_won! bool; hs_is_closed_lost! bool
        hs_deal_stage_probability! number""",
    "0-5": "subject string; content string; hs_pipeline string; hs_pipeline_stage string",
    "0-7": "name string; description string; price number; hs_sku string; hs_cost_of_goods_sold number",
    "0-8": """
        name string; hs_sku string; hs_product_id string; quantity number; price number; amount number
        discount number; hs_line_item_currency_code string""",
    "0-14": "hs_title string",
    "0-123": """
        hs_order_name string; hs_external_order_id string; hs_currency_code string; hs_total_price number
        hs_external_created_date datetime; hs_external_order_status string; hs_pipeline string
        hs_pipeline_stage string; hs_refund_amount number""",
    "0-142": "hs_cart_name string; hs_external_cart_id string",
}

GROUPS = {"0-1": "contactinformation", "0-2": "companyinformation", "0-3": "dealinformation"}


def group_of(type_id: str) -> str:
    """The group that holds the built-in properties of a type."""
    return GROUPS.get(type_id, "information")


def built_in(type_id: str, created: str, modified: str) -> Iterator[dict[str, Any]]:
    """Definitions of the properties that a type has from the start."""
    times = f"{created}! datetime; {modified}! datetime; hs_object_id! number;"
    for entry in (times + BUILT_IN.get(type_id, "")).replace("\n", ";").split(";"):
        if words := entry.split():
            name, kind, *options = words
            yield definition(
                name.rstrip("!"),
                kind,
                group=group_of(type_id),
                field_type="checkbox" if name == "hs_legal_basis" else "",
                options=choices(LEGAL_BASES if name == "hs_legal_basis" else options),
                read_only=name.endswith("!"),
                ours=True,
            )


def opt_out(subscription: str, name: str) -> dict[str, Any]:
    """The property that tells who opted out of one type of e-mail."""
    label = f"Opted out of email: {name}"
    return definition(f"hs_email_optout_{subscription}", "bool", group=group_of("0-1"), label=label, ours=True)


def choices(values: Iterable[str]) -> list[dict[str, Any]]:
    """Options whose labels are their values."""
    return [{"label": value, "value": value} for value in values]


def definition(
    name: str,
    kind: str,
    *,
    group: str,
    label: str = "",
    field_type: str = "",
    options: Any = (),
    read_only: bool = False,
    ours: bool = False,
    at: int = 0,
    **more: Any,
) -> dict[str, Any]:
    """A property as the API shows it. `ours`: HubSpot's own, so nobody may change its definition."""
    shown = {
        "name": name,
        "label": label or name.replace("_", " ").capitalize(),
        "type": kind,
        "fieldType": field_type or FIELD_TYPES[kind][0],
        "groupName": group,
        "description": "",
        "options": [_option(option, place) for place, option in enumerate(options)],
        "displayOrder": -1,
        "hasUniqueValue": False,
        "hidden": False,
        "formField": False,
        "calculated": False,
        "externalOptions": False,
        "archived": False,
        "hubspotDefined": ours,
        "createdAt": iso(at),
        "updatedAt": iso(at),
        "modificationMetadata": {"archivable": not ours, "readOnlyDefinition": ours, "readOnlyValue": read_only},
    }
    return shown | more


def _option(option: dict[str, Any], place: int) -> dict[str, Any]:
    return {"description": "", "hidden": False, "displayOrder": place, **option}
