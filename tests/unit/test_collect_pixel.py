"""The pixel: what its endpoint keeps, and what its script does in a page, run by Node.js over a page of a few lines."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from collect_rig import Rig, collecting
from event_files import pull
from test_consent_signals import in_ranges, tc_string

from connector.collect import pixel
from connector.events.inbox import Inbox
from connector.events.segment import KINDS

SITE = "https://shop.example"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A collector whose inbox is empty."""
    with collecting(tmp_path) as rig:
        yield rig


def call(rig: Rig, other: dict[str, Any] | None = None, **headers: str) -> int:
    """A call as the script makes it, with consent, but for what `other` says; its status."""
    usual = {"kind": "view", "product": "P1", "id": "a1", "message": "m1", "consent": {"granted": True}}
    return rig.call("POST", "/pixel", {**usual, **(other or {})}, Content_Type="text/plain", **headers).status


# The endpoint


def test_what_is_looked_at_is_an_interaction(rig: Rig) -> None:
    """Each kind, with who, what, when and the consent; the campaign of an ad."""
    for number, kind in enumerate(("view", "cart", "impression")):
        assert call(rig, {"kind": kind, "message": f"m{number}", "campaign": "autumn", "user": "7"}) == 204
    pulled = rig.pull()
    found = {row["key"]: (row["kind"], row["identifier"], row["product_id"]) for row in pulled.rows("interaction")}
    assert found == {"m0": ("view", "a1", "P1"), "m1": ("cart", "a1", "P1"), "m2": ("impression", "a1", "P1")}
    assert {(row["campaign"], row["consent"]) for row in pulled.rows("interaction")} == {("autumn", True)}
    assert pulled.keys("identity_link") == ["anonymous_id:a1|user_id:7"]
    assert {(row["identifier"], row["granted"], row["signal"]) for row in pulled.rows("consent")} == {
        ("7", True, "pixel")
    }
    assert set(pixel.EVENTS.values()) <= set(KINDS)


@pytest.mark.parametrize("consent", [{}, None, "yes", {"granted": None}, {"consentMode": {"ad_storage": "granted"}}])
def test_without_consent_nothing_is_kept(rig: Rig, consent: Any) -> None:
    """Whatever the script may have thought: silence is no yes."""
    assert call(rig, {"consent": consent}) == 204
    assert rig.lines == []


@pytest.mark.parametrize(
    "consent", [{"granted": False}, {"tcfString": tc_string(1)}, {"granted": True, "tcfString": "?"}]
)
def test_of_an_objection_only_that_is_kept(rig: Rig, consent: dict[str, Any]) -> None:
    """A no is a consent row; what was looked at is dropped."""
    call(rig, {"consent": consent})
    pulled = rig.pull()
    assert [row["granted"] for row in pulled.rows("consent")] == [False]
    assert pulled.keys() == []
    assert "P1" not in "".join(rig.lines)


def test_consent_that_leaves_out_a_vendor_is_an_objection(tmp_path: Path) -> None:
    """Where the settings name vendors: what was looked at is dropped, whatever the script took for a yes."""
    with collecting(tmp_path, tcf_vendors=(755,)) as rig:
        call(rig, {"consent": {"granted": True, "tcfString": tc_string(1, 3, 4, vendors=in_ranges(91))}})
        assert "P1" not in "".join(rig.lines)
        call(rig, {"message": "m2", "consent": {"tcfString": tc_string(1, 3, 4, vendors=in_ranges(755))}})
    pulled = pull(Inbox(tmp_path, {755}))
    assert [row["granted"] for row in pulled.rows("consent")] == [False, True]
    assert pulled.keys() == ["m2"]


def test_global_privacy_control_beats_the_script(rig: Rig) -> None:
    """The header decides: the event is dropped, the opt-out kept; a stranger's leaves nothing at all."""
    call(rig, Sec_GPC="1")
    call(rig, {"id": None}, Sec_GPC="1")
    pulled = rig.pull()
    assert [(row["identifier"], row["granted"], row["signal"]) for row in pulled.rows("consent")] == [
        ("a1", False, "gpc")
    ]
    assert (pulled.keys(), len(rig.lines)) == ([], 1)


def test_as_an_image(rig: Rig) -> None:
    """Where no script may run; the answer is an image and is not cached."""
    answer = rig.call("GET", "/pixel?kind=view&product=P1&id=a1&consent=1&message=m1")
    assert (answer.status, answer.headers["content-type"], answer.body[:6]) == (200, "image/gif", b"GIF89a")
    assert answer.headers["cache-control"] == "no-store"
    rig.call("GET", f"/pixel?kind=view&product=P2&id=a2&tcf={tc_string(1, 3, 4)}&message=m2")
    rig.call("GET", "/pixel?kind=view&product=P3&id=a3&message=m3")
    assert rig.pull().keys() == ["m1", "m2"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"kind": "sing"}', b"{" + b" " * 30_000 + b"}"], ids=range(5))
def test_bad_calls(rig: Rig, body: bytes) -> None:
    """Refused, with nothing kept."""
    assert rig.call("POST", "/pixel", body).status in (400, 413)
    assert rig.lines == []


def test_only_the_shops_own_pages_may_call(rig: Rig) -> None:
    """Another site's page is refused; the shop's may read answers, also those of the tracking API (CORS)."""
    assert call(rig, Origin="https://evil.example") == 403
    assert call(rig, Origin=SITE) == 204
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}
    granted = rig.call("OPTIONS", "/v1/track", Origin=SITE, **asked)
    assert (granted.status, granted.headers["access-control-allow-origin"]) == (200, SITE)
    refused = rig.call("OPTIONS", "/v1/track", Origin="https://evil.example", **asked)
    assert (refused.status, "access-control-allow-origin" in refused.headers) == (400, False)


def test_privacy_signals_are_announced(rig: Rig) -> None:
    """/.well-known/gpc.json, as the W3C draft has it."""
    answer = rig.call("GET", "/.well-known/gpc.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["gpc"] is True
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", answer.json["lastUpdate"])


# The script

PAGE = """
const said = [], gone = {};
const document = { currentScript: { src: "https://c.example/pixel.js?v=1" }, jar: START,
  get cookie() { return this.jar; },
  set cookie(text) { said.push(["cookie", text]);
    this.jar = /max-age=0/.test(text) ? "other=1" : "other=1; " + text.split(";")[0]; } };
const navigator = { globalPrivacyControl: GPC,
  sendBeacon: (to, text) => { said.push(["sent", to, JSON.parse(text)]); return true; } };
const window = { location: { protocol: "https:" }, crypto: globalThis.crypto,
  addEventListener: (name, does) => { gone[name] = does; } };
const gtag = function () { (window.dataLayer = window.dataLayer || []).push(arguments); };
let tcf; const cmp = () => { window.__tcfapi = (name, version, does) => { tcf = does; }; };
BEFORE;
SCRIPT;
AFTER
console.log(JSON.stringify(said));
"""
NODE = shutil.which("node")
GRANT = 'ad_storage: "granted", ad_user_data: "granted", ad_personalization: "granted"'
PURPOSES = "purpose: { consents: { 1: true, 3: true, 4: true } }"


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Callable[..., list[list[Any]]]:
    """Runs the script in a page and gives what it did: cookies written, calls sent."""
    if NODE is None:
        from conftest import missing

        missing("node", "Node.js is not installed, and there is no other engine to run the pixel's script in")

    def run(after: str, before: str = "", gpc: str = "false", cookie: str = "other=1") -> list[list[Any]]:
        parts = {"START": json.dumps(cookie), "GPC": gpc, "BEFORE": before, "AFTER": after}
        text = PAGE
        for name, part in {**parts, "SCRIPT": pixel.script().decode()}.items():
            text = text.replace(name, part, 1)
        done = subprocess.run([NODE, "-"], input=text, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        found: list[list[Any]] = json.loads(done.stdout)
        return found

    return run


USE = 'window.lamplighter.view("P1"); window.lamplighter.cart("P1"); gone.pagehide();'
SILENT = [
    (USE, {}),
    (f"window.lamplighter.consent(false); {USE}", {}),
    (f"window.lamplighter.consent(true); {USE}", {"gpc": "true"}),
    (USE, {"before": 'gtag("consent", "default", { ad_storage: "denied" });'}),
    (
        USE,
        {"before": f'gtag("consent", "default", {{ {GRANT} }});gtag("consent", "update", {{ ad_storage: "denied" }})'},
    ),
    (USE, {"before": 'gtag("js", new Date()); gtag("event", "view_item");'}),
    (USE, {"before": "cmp();"}),
    (f'{USE} tcf({{ gdprApplies: true, eventStatus: "cmpuishown", {PURPOSES} }}, true);', {"before": "cmp();"}),
    (f'{USE} tcf({{ gdprApplies: false, eventStatus: "tcloaded", {PURPOSES} }}, true);', {"before": "cmp();"}),
    (
        f'window.lamplighter.consent(true); tcf({{ gdprApplies: true, eventStatus: "tcloaded",'
        f" purpose: {{ consents: {{ 1: true }} }} }}, true); {USE}",
        {"before": "cmp();"},
    ),
]


def test_silent_without_consent(page: Callable[..., list[list[Any]]]) -> None:
    """No cookie and no call: nobody asked, a no, GPC, a type of Consent Mode denied, a CMP that waits or lacks one."""
    for after, around in SILENT:
        said = page(after, **around)
        assert said == [], after


def test_with_consent(page: Callable[..., list[list[Any]]], rig: Rig) -> None:
    """One cookie for 13 months, then each call; what was looked at before the answer is told after it. The endpoint
    takes what the script sends."""
    said = page(
        'window.lamplighter.identify(7); window.lamplighter.view("P1"); window.lamplighter.consent(true);'
        'window.lamplighter.cart("P2"); window.lamplighter.impression("P3", "autumn");'
    )
    (cookie,) = [each[1] for each in said if each[0] == "cookie"]
    assert re.fullmatch(r"lamplighter_id=[0-9a-v]{24}; path=/; samesite=lax; max-age=33696000; secure", cookie)
    sent = [each for each in said if each[0] == "sent"]
    assert {each[1] for each in sent} == {"https://c.example/pixel"}
    calls = [each[2] for each in sent]
    assert [(each["kind"], each["product"], each["user"]) for each in calls] == [
        ("view", "P1", "7"),
        ("cart", "P2", "7"),
        ("impression", "P3", "7"),
    ]
    assert {each["id"] for each in calls} == {cookie[15:39]}
    assert len({each["message"] for each in calls}) == 3
    for each in calls:
        assert rig.call("POST", "/pixel", each, Origin=SITE).status == 204
    assert [row["kind"] for row in rig.pull().rows("interaction")] == ["view", "cart", "impression"]


@pytest.mark.parametrize(
    ("before", "after", "signal"),
    [
        (f'gtag("consent", "default", {{ {GRANT} }});', "", "consent_mode"),
        (
            "cmp();",
            f'tcf({{ gdprApplies: 1, eventStatus: "tcloaded", tcString: "{tc_string(1, 3, 4)}", {PURPOSES} }}, true)',
            "tcf",
        ),
    ],
)
def test_consent_of_the_pages_own_tools(
    page: Callable[..., list[list[Any]]], rig: Rig, before: str, after: str, signal: str
) -> None:
    """Consent Mode v2, and a consent manager by IAB's API: asked without a call of ours, and told as they said it."""
    calls = [each[2] for each in page(f'window.lamplighter.view("P1"); {after}', before) if each[0] == "sent"]
    assert len(calls) == 1
    rig.call("POST", "/pixel", calls[0])
    assert [(row["granted"], row["signal"]) for row in rig.pull().rows("consent")] == [(True, signal)]


@pytest.mark.parametrize(("after", "gpc"), [("window.lamplighter.consent(false);", "false"), ("", "true")])
def test_a_withdrawal(page: Callable[..., list[list[Any]]], rig: Rig, after: str, gpc: str) -> None:
    """Who was known is told of once more, as one who objects, and then forgotten; nothing follows."""
    said = page(f'{after} window.lamplighter.view("P1");', gpc=gpc, cookie="other=1; lamplighter_id=abc")
    assert [each[0] for each in said] == ["sent", "cookie"]
    assert said[1][1].startswith("lamplighter_id=; ")
    assert "max-age=0" in said[1][1]
    rig.call("POST", "/pixel", said[0][2])
    pulled = rig.pull()
    assert [(row["identifier"], row["granted"]) for row in pulled.rows("consent")] == [("abc", False)]


def test_the_script_is_small(rig: Rig) -> None:
    """Under three kilobytes as it is served, with no library and no address of anybody else."""
    answer = rig.call("GET", "/pixel.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert len(answer.body) < 3_000
    assert b"http" not in answer.body.replace(b"https:", b"")
