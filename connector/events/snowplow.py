"""Snowplow's enriched events: TSV without a header, 131 columns in a fixed order, products in e-commerce entities.

Transactions and refunds are the CRM's business, and lists and promotions on the shop's own pages are no ads: such
events are skipped. Times are in UTC without saying so.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Any

from connector.events.contents import Contents
from connector.events.event import Event, EventFile, refuse_mapping
from connector.events.files import Line, Place, lines
from connector.events.json_lines import parsed
from connector.events.values import Unusable, identifiers, several, text, within
from connector.ports import EventSource

COLUMNS = """
app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker v_tracker v_collector
v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid geo_country geo_region
geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp ip_organization ip_domain ip_netspeed page_url
page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath page_urlquery page_urlfragment
refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery refr_urlfragment refr_medium refr_source refr_term
mkt_medium mkt_source mkt_term mkt_content mkt_campaign contexts se_category se_action se_label se_property se_value
unstruct_event tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city tr_state tr_country ti_orderid ti_sku
ti_name ti_category ti_price ti_quantity pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name
br_family br_version br_type br_renderengine br_lang br_features_pdf br_features_flash br_features_java
br_features_director br_features_quicktime br_features_realplayer br_features_windowsmedia br_features_gears
br_features_silverlight br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer
os_timezone dvce_type dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height tr_currency
tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone mkt_clickid mkt_network
etl_tags dvce_sent_tstamp refr_domain_userid refr_device_tstamp derived_contexts domain_sessionid derived_tstamp
event_vendor event_name event_format event_version event_fingerprint true_tstamp
""".split()  # noqa: SIM905  (131 quoted names would fill a page)
"""The canonical event, in the order of Snowplow's analytics SDKs."""

KINDS: Mapping[str, str] = {
    "product_view": "view",
    "list_click": "click",
    "add_to_cart": "cart",
    "checkout_step": "checkout",
}
"""`type` of a snowplow_ecommerce_action -> kind of interaction."""

_ACTION = "snowplow_ecommerce_action"
_ENTITY = "iglu:com.snowplowanalytics.snowplow.ecommerce/{}/"
_TIMES = ("true_tstamp", "derived_tstamp", "collector_tstamp")


def source(name: str, path: Path, mapping: str, home: Path | None) -> EventSource:
    """Enriched events.

    Raises:
        SetupError: a mapping is named.
    """
    refuse_mapping(name, "snowplow", mapping)
    return EventFile(name, path, read, _look)


def _look(name: str, file: BufferedReader) -> Contents:
    return Contents(rows=partial(_rows, name, file))


def _rows(name: str, file: BufferedReader, place: Place) -> Iterator[Line]:
    for line in lines(name, file, place):
        cells = line.text.split("\t")
        if line.problem:
            yield line
        elif len(cells) != len(COLUMNS):
            yield line._replace(problem=f"{len(cells)} columns instead of {len(COLUMNS)}")
        else:
            yield line._replace(record=dict(zip(COLUMNS, cells, strict=True)))


def read(line: Line) -> Event | None:
    """What an enriched event tells; its event_id is the key. A step of a checkout that names no product only ties.

    Raises:
        Unusable: it should have been of use.
    """
    event = line.record
    entities = _entities(event) if event["event_name"] == _ACTION else ()
    products = _data(entities, "product")
    kind = KINDS.get(_action(event), "") if event["event_name"] == _ACTION else ""
    who = _identifiers(event, _data(entities, "user"))
    tied = [who] if len(who) > 1 else []
    if kind == "checkout" and not products:
        kind = ""
    if not (kind or tied):
        return None
    return Event(
        at=_time(event),
        received=_moment(event["collector_tstamp"]),
        who=who,
        tied=tied,
        kind=kind,
        items=[(f"{event['event_id']}#{text(each.get('id'))}", text(each.get("id"))) for each in products],
        numbered=True,
        missing="id of a product entity missing",
        campaign=text(event["mkt_campaign"]),
        problem=_problem(event, who, products) if kind else "",
    )


def _problem(event: Mapping[str, str], who: Mapping[str, str], products: Sequence[Any]) -> str:
    if not who:
        return "no domain_userid, network_userid or user_id"
    if not event["event_id"].strip():
        return "event_id missing"
    return "" if products else "no product entity in contexts"


def _identifiers(event: Mapping[str, str], users: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The browser's own cookie before the collector's; the shop's number and mail also from the user entity."""
    user = users[0] if users else {}
    given = {
        "anonymous_id": event["domain_userid"] or event["network_userid"],
        "user_id": event["user_id"] or user.get("id"),
        "email": user.get("email"),
    }
    return identifiers(given)


def _action(event: Mapping[str, str]) -> str:
    return text(within(within(_json(event, "unstruct_event"), "data"), "data").get("type")) or ""


def _entities(event: Mapping[str, str]) -> Sequence[Any]:
    return several(_json(event, "contexts"), "data")


def _data(entities: Sequence[Any], kind: str) -> list[Mapping[str, Any]]:
    """What the entities of a kind hold, whatever the version of their schema."""
    begins = _ENTITY.format(kind)
    found = [each for each in entities if isinstance(each, dict)]
    return [within(each, "data") for each in found if (text(each.get("schema")) or "").startswith(begins)]


def _json(event: Mapping[str, str], column: str) -> Mapping[str, Any]:
    try:
        return parsed(event[column]) if event[column] else {}
    except Unusable as problem:
        raise Unusable(f"{column}: {problem}") from None


def _time(event: Mapping[str, str]) -> datetime:
    """What the tracker was told, else the device's time corrected by the collector's, else the collector's."""
    found = next((moment for field in _TIMES if (moment := _moment(event[field]))), None)
    if found is None:
        raise Unusable("no derived_tstamp and no collector_tstamp that can be read")
    return found


def _moment(value: str) -> datetime | None:
    try:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    except ValueError:
        return None
