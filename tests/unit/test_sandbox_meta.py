"""The sandbox Meta: custom audiences and their members, as the Marketing API has them."""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import urllib3

from connector.sandbox.meta_serve import SandboxMeta

LIST = "/v25.0/act_4711/customaudiences"
CREATE = {"subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}


class Reply(NamedTuple):
    """An answer, its body parsed."""

    status: int
    body: Any
    headers: Any

    @property
    def codes(self) -> tuple[int, int | None]:
        """Code and subcode of an error."""
        return self.body["error"]["code"], self.body["error"].get("error_subcode")


class Caller:
    """Somebody with the token."""

    def __init__(self, sandbox: SandboxMeta) -> None:
        self.sandbox = sandbox
        self.pool = urllib3.PoolManager(retries=False)

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Reply:
        """One request."""
        url = f"{self.sandbox.url}{path}" + (f"?{urlencode(query)}" if query else "")
        answer = self.pool.request(method, url, json=body, headers={"Authorization": f"Bearer {self.sandbox.token}"})
        return Reply(answer.status, answer.json(), answer.headers)

    def create(self, name: str = "Lamps", **more: Any) -> str:
        """A new audience; returns its id."""
        reply = self("POST", LIST, {"name": name, **CREATE, **more})
        assert reply.status == 200, reply.body
        return str(reply.body["id"])

    def users(self, method: str, audience: str, *emails: str, edge: str = "users", **session: Any) -> Reply:
        """Send people by e-mail address."""
        body = {"payload": {"schema": "EMAIL_SHA256", "data": [[hashed(one)] for one in emails]}}
        return self(method, f"/v25.0/{audience}/{edge}", {**body, **({"session": session} if session else {})})

    def replace(self, audience: str, session: int, batch: int, *emails: str, last: bool = False) -> Reply:
        """One batch of a replace session."""
        told = {"session_id": session, "batch_seq": batch, "last_batch_flag": last}
        return self.users("POST", audience, *emails, edge="usersreplace", **told)

    def inside(self, audience: str) -> set[str]:
        """Who is in an audience."""
        return set(self.sandbox.meta.members(audience))


def hashed(text: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def people(*emails: str) -> set[str]:
    """As the sandbox tells members."""
    return {f"email:{hashed(one)}" for one in emails}


@pytest.fixture
def call() -> Iterator[Caller]:
    """A sandbox of one's own."""
    with SandboxMeta() as sandbox:
        yield Caller(sandbox)


def test_an_audience_is_made_listed_page_by_page_renamed_and_deleted(call: Caller) -> None:
    """Cursors lead through the list; a deleted audience is an object that does not exist."""
    made = [call.create(f"Lamps {number}", description=f"key {number}") for number in range(3)]
    first = call("GET", LIST, fields="name,description,operation_status", limit=2).body
    assert [one["id"] for one in first["data"]] == made[:0:-1]
    assert first["data"][0]["operation_status"]["code"] == 200
    second = call("GET", LIST, limit=2, after=first["paging"]["cursors"]["after"]).body
    assert [one["id"] for one in second["data"]] == made[:1] and "next" not in second["paging"]
    call("POST", f"/v25.0/{made[0]}", {"name": "Shades"})
    assert call("GET", f"/v25.0/{made[0]}", fields="name").body["name"] == "Shades"
    assert call("DELETE", f"/v25.0/{made[0]}").body == {"success": True}
    assert call("GET", f"/v25.0/{made[0]}").codes == (100, 33)


def test_what_makes_no_audience(call: Caller) -> None:
    """No source, no room, no terms, an unknown restriction: each with its code."""
    assert call("POST", LIST, {"name": "Lamps", "subtype": "CUSTOM"}).codes[0] == 100
    assert call("POST", LIST, {"name": "Lamps", **CREATE, "usage_restriction": "NO_ADS"}).codes[0] == 100
    call.sandbox.meta.configure({"audience_limit": 1})
    call.create(usage_restriction="EXCLUSION_ONLY", audience_labels=["RECENT_PURCHASERS"])
    assert call("POST", LIST, {"name": "Shades", **CREATE}).codes[0] == 2654
    call.sandbox.meta.configure({"terms_accepted": False})
    assert call("POST", LIST, {"name": "Shades", **CREATE}).codes == (200, 1_870_090)


def test_a_flagged_name_takes_no_users(call: Caller) -> None:
    """`operation_status` says 471, and an upload is refused until an appeal went through."""
    audience = call.create("Diabetes lamps")
    assert call("GET", f"/v25.0/{audience}", fields="operation_status").body["operation_status"]["code"] == 471
    assert call.users("POST", audience, "a@example.com").codes == (100, 1_713_230)
    call.sandbox.levers["flag_audience"](audience, False)
    assert call.users("POST", audience, "a@example.com").status == 200


def test_people_come_and_go(call: Caller) -> None:
    """Twice is once; who is not in is no error; the answer counts what it got."""
    audience = call.create()
    told = {"session_id": 7, "batch_seq": 1, "last_batch_flag": True}
    reply = call.users("POST", audience, "a@example.com", "b@example.com", **told)
    assert reply.body == {
        "audience_id": audience,
        "session_id": "7",
        "num_received": 2,
        "num_invalid_entries": 0,
        "invalid_entry_samples": {},
    }
    call.users("POST", audience, "b@example.com", "c@example.com")
    call.users("DELETE", audience, "a@example.com", "x@example.com")
    assert call.inside(audience) == people("b@example.com", "c@example.com")


def test_rows_that_are_no_hashes_are_counted_and_named(call: Caller) -> None:
    """Plain text, capitals, and the hash of nothing are invalid; their neighbours are taken."""
    audience = call.create()
    bad = ["a@example.com", hashed("a@example.com").upper(), hashed("")]
    rows = [["", hashed("15559876543")], *([one, ""] for one in bad)]
    reply = call("POST", f"/v25.0/{audience}/users", {"payload": {"schema": ["EMAIL", "PHONE"], "data": rows}})
    assert (reply.body["num_received"], reply.body["num_invalid_entries"]) == (4, 3)
    assert list(reply.body["invalid_entry_samples"].values()) == bad
    assert call.inside(audience) == {f"phone:{hashed('15559876543')}"}


def test_one_request_takes_so_many_rows_and_a_form_as_well(call: Caller) -> None:
    """One row too many is refused whole; the payload may travel as text in a form."""
    call.sandbox.meta.configure({"rows": 2})
    audience = call.create()
    assert call.users("POST", audience, "a@x.de", "b@x.de", "c@x.de").codes[0] == 100
    assert call.inside(audience) == set()
    form = urlencode({"payload": f'{{"schema":"EMAIL_SHA256","data":["{hashed("a@x.de")}"]}}', "access_token": "x"})
    url = f"{call.sandbox.url}/v25.0/{audience}/users"
    headers = {"Authorization": f"Bearer {call.sandbox.token}", "Content-Type": "application/x-www-form-urlencoded"}
    assert call.pool.request("POST", url, body=form, headers=headers).status == 200
    assert call.inside(audience) == people("a@x.de")


def test_limited_data_use_stands_in_a_column(call: Caller) -> None:
    """`["LDU"]` or `[]`, with or without country and state; anything else is refused."""
    audience = call.create()
    schema = ["EMAIL", *(f"DATA_PROCESSING_OPTIONS{rest}" for rest in ("", "_COUNTRY", "_STATE"))]
    rows: list[list[Any]] = [[hashed("a@x.de"), ["LDU"], 1, 1_000], [hashed("b@x.de"), []]]
    path = f"/v25.0/{audience}/users"
    assert call("POST", path, {"payload": {"schema": schema, "data": rows}}).status == 200
    assert sorted(one[2] for one in call.sandbox.meta.account.members(int(audience))) == [False, True]
    rows[0][1] = ["ALL"]
    assert call("POST", path, {"payload": {"schema": schema, "data": rows}}).codes[0] == 100


def test_a_replace_session_lets_go_of_the_old_with_its_last_batch(call: Caller) -> None:
    """Until then the audience is as it was; a batch may come twice; what comes after the last is refused."""
    audience = call.create()
    call.users("POST", audience, "old@x.de", "stays@x.de")
    assert call.replace(audience, 5, 2, "a@x.de").codes == (2650, 1_870_147)
    call.replace(audience, 5, 1, "stays@x.de")
    for _ in range(2):
        assert call.replace(audience, 5, 2, "new@x.de").status == 200
    assert call.inside(audience) == people("old@x.de", "stays@x.de")
    assert call.users("POST", audience, "late@x.de").codes == (2650, 1_870_145)
    assert call.replace(audience, 6, 1, "x@x.de").codes == (2650, 1_870_145)
    assert call.replace(audience, 5, 3, "last@x.de", last=True).body["num_received"] == 4
    assert call.inside(audience) == people("stays@x.de", "new@x.de", "last@x.de")
    assert call.replace(audience, 5, 4, "x@x.de").codes == (2650, 1_870_159)


def test_a_session_left_open_ends_after_ninety_minutes(call: Caller) -> None:
    """Then the audience is what came until then, and the session takes nothing more."""
    audience = call.create()
    call.users("POST", audience, "old@x.de")
    call.replace(audience, 5, 1, "new@x.de")
    call.sandbox.clock.advance(90 * 60)
    assert call.replace(audience, 5, 2, "late@x.de").codes == (2650, 1_870_158)
    assert call.inside(audience) == people("new@x.de")


def test_a_replacement_is_worked_through_for_a_while(call: Caller) -> None:
    """Nothing else may be done to the audience until it is, and it may fail."""
    call.sandbox.meta.configure({"replace_seconds": 60, "replace_fails": True})
    audience = call.create()
    call.users("POST", audience, "old@x.de")
    call.replace(audience, 5, 1, "new@x.de", last=True)
    status = {"fields": "operation_status"}
    assert "in_progress" in call("GET", f"/v25.0/{audience}", **status).body["operation_status"]["description"]
    assert call.users("POST", audience, "late@x.de").codes == (2650, 1_870_145)
    call.sandbox.clock.advance(61)
    assert call("GET", f"/v25.0/{audience}", **status).body["operation_status"]["description"] == "replace_error"
    assert call.inside(audience) == people("old@x.de")


def test_somebody_leaves_every_audience_at_once(call: Caller) -> None:
    """Those of others too, and one that is being replaced just now."""
    ours, others = call.create(), call.sandbox.levers["make_audience"]("Theirs", list(people("a@x.de", "b@x.de")))
    call.users("POST", ours, "a@x.de")
    call.replace(ours, 5, 1, "a@x.de", "c@x.de")
    reply = call.users("DELETE", "act_4711", "a@x.de", edge="usersofanyaudience")
    assert reply.body["num_received"] == 1
    call.replace(ours, 5, 2, "c@x.de", last=True)
    assert (call.inside(ours), call.inside(others)) == (people("c@x.de"), people("b@x.de"))


def test_calls_of_an_hour_are_limited_and_told_in_percent(call: Caller) -> None:
    """5000 and 40 an audience by default; the header tells minutes until there are calls again."""
    call.sandbox.meta.configure({"hourly": 3, "limits": True})
    told = [call("GET", LIST) for _ in range(4)]
    assert [one.status for one in told] == [200, 200, 200, 400]
    assert told[3].codes == (80_003, 2_446_079)
    assert '"call_count": 100' in told[2].headers["X-Business-Use-Case-Usage"]
    assert '"estimated_time_to_regain_access": 60' in told[3].headers["X-Business-Use-Case-Usage"]
    call.sandbox.clock.advance(3_601)
    assert call("GET", LIST).status == 200


def test_who_may_not_come_in(call: Caller) -> None:
    """A dead token, a missing permission, another account, an old version, a missing proof: each its own error."""
    assert call("GET", "/v25.0/act_999/customaudiences").codes == (100, 33)
    assert call("GET", "/v12.0/act_4711/customaudiences").codes[0] == 2635
    call.sandbox.meta.configure({"permissions": ["ads_read"]})
    refused = call("GET", LIST)
    assert (refused.status, refused.codes[0]) == (403, 200)
    assert call("GET", "/v25.0/me/permissions").body["data"] == [{"permission": "ads_read", "status": "granted"}]
    call.sandbox.meta.configure({"permissions": ["ads_management"], "app_secret": "app-secret"})
    proof = hmac.new(b"app-secret", call.sandbox.token.encode(), hashlib.sha256).hexdigest()
    assert [call("GET", LIST, **query).status for query in ({}, {"appsecret_proof": "0" * 64})] == [400, 400]
    assert call("GET", LIST, appsecret_proof=proof).status == 200
    call.sandbox.meta.configure({"app_secret": "", "token": "another"})
    assert call("GET", LIST).codes == (190, 460)
