"""A shop of four contacts, small enough to know by heart, in the format of the worlds."""

import json
from pathlib import Path

from connector.cli.init import create
from connector.cli.settings_file import append
from connector.sandbox.serve import Sandbox

END = "2026-09-30T12:00:00.000Z"


def _identify(message: str, device: str, customer: str, email: str, at: str) -> str:
    event = {"type": "identify", "messageId": message, "anonymousId": device, "userId": customer, "timestamp": at}
    return json.dumps({**event, "traits": {"email": email}}) + "\n"


def _track(message: str, device: str, event: str, product: str, at: str) -> str:
    told = {"type": "track", "event": event, "messageId": message, "anonymousId": device, "timestamp": at}
    return json.dumps({**told, "properties": {"product_id": product}}) + "\n"


FILES = {
    "contacts.csv": """\
contact_id,email,phone,first_name,last_name,country,created_at,updated_at,email_opt_out,ads_consent
1,dana@example.com,,Dana,Lind,GB,2026-01-01T00:00:00.000Z,2026-09-01T00:00:00.000Z,false,granted
2,rosa@example.com,,Rosa,Okafor,IE,2026-01-01T00:00:00.000Z,2026-09-01T00:00:00.000Z,false,granted
3,carl@example.com,,Carl,Moreau,FR,2026-01-01T00:00:00.000Z,2026-09-01T00:00:00.000Z,false,granted
4,olga@example.com,,Olga,Brandt,DE,2026-01-01T00:00:00.000Z,2026-09-01T00:00:00.000Z,true,denied
""",
    "products.csv": """\
id,item_group_id,title,product_type,price,availability
PEN-BLACK,PEN,Pendant black,Lamps,100.00 EUR,in_stock
PEN-BRASS,PEN,Pendant brass,Lamps,110.00 EUR,in_stock
FLO-BRASS,FLO,Floor lamp,Lamps,200.00 EUR,in_stock
BULB,BULB,Bulb,Bulbs,5.00 EUR,in_stock
""",
    "orders.csv": """\
order_id,contact_id,ordered_at,status,currency
O1,1,2026-09-10T10:00:00.000Z,fulfilled,EUR
O2,2,2026-09-05T10:00:00.000Z,fulfilled,EUR
O3,2,2026-09-12T10:00:00.000Z,returned,EUR
O4,4,2026-09-11T10:00:00.000Z,fulfilled,EUR
O5,,2026-09-12T10:00:00.000Z,fulfilled,EUR
""",
    "order_lines.csv": """\
line_id,order_id,product_id,quantity,unit_price
L1,O1,PEN-BRASS,1,110.00
L2,O2,FLO-BRASS,1,200.00
L3,O3,FLO-BRASS,-1,200.00
L4,O4,BULB,4,5.00
L5,O5,BULB,1,5.00
""",
    "events.ndjson": "".join(
        [
            _identify("i1", "a1", "1", "dana@example.com", "2026-09-09T09:00:00.000Z"),
            _identify("i3", "a3", "3", "carl@example.com", "2026-09-29T09:00:00.000Z"),
            _track("t1", "a1", "Product Viewed", "PEN-BLACK", "2026-09-09T09:01:00.000Z"),
            _track("t3", "a3", "Product Added", "FLO-BRASS", "2026-09-29T09:01:00.000Z"),
        ]
    ),
    "ad_log.csv": f"""\
event_id,occurred_at,kind,key_type,key,product_id,campaign,cost
x1,2026-09-09T10:00:00.000Z,impression,anonymous_id,a1,PEN-BLACK,retargeting,0.0100
x2,2026-09-20T10:00:00.000Z,impression,anonymous_id,a1,PEN-BLACK,retargeting,0.0200
x3,{END},impression,anonymous_id,a1,PEN-BLACK,retargeting,0.0300
""",
}


def write(folder: Path) -> Path:
    """Write the shop's files, plain; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    return folder


AUDIENCES = """\
policy:
  suppression: {cool_off: 2d}
audiences:
  - name: recent_buyers
    label: Recent buyers
    purpose: exclude
    rule: {suppressed: {within: 90d}}
    reason: "bought {title} (order {order_id}) on {date}; suppressed until {until}"
  - name: cart_abandoners
    label: Left in the cart
    purpose: email
    rule: {carted: {within: 30d, not_bought: true}}
    reason: "left {title} in the cart on {date}"
"""
"""Two lists are enough here, and are decided faster than the packaged ones. What came back has long cooled off."""


def install(home: Path, shop: Path, portal: Sandbox) -> Path:
    """A home whose CRM is `portal` and whose sources are the shop's files; returns the home."""
    create(home)
    sources = (
        ("feed", "catalogue", "products.csv"),
        ("site", "segment", "events.ndjson"),
        ("ads", "ad_log", "ad_log.csv"),
    )
    lines = [f"  - {{name: {name}, kind: {kind}, path: {shop / file}}}" for name, kind, file in sources]
    crm = f"hubspot:\n  base_url: {portal.url}\n  token: env:SHOP_TOKEN\n  lag_seconds: 0\n  overlap_seconds: 0"
    (home / "mappings" / "audiences.yaml").write_text(AUDIENCES)
    append(home, "\n".join([crm, "sources:", *lines]))
    return home
