"""The sandbox Google keeps to the Data Manager API: its lists, caps, encodings, consent, times, quota and errors."""

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.sandbox.google_serve import SandboxGoogle

LISTS = "/v1/accountTypes/GOOGLE_ADS/accounts/1234567890/userLists"
GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
TERMS = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}


class Caller:
    """Speaks to one sandbox with nothing but the standard library."""

    def __init__(self, sandbox: SandboxGoogle) -> None:
        self.sandbox = sandbox
        form = "grant_type=refresh_token&client_id=sandbox-app&client_secret=sandbox-secret"
        self.token = self.send("POST", "/token", f"{form}&refresh_token=sandbox-refresh")[1]["access_token"]

    def send(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        """One request: status and JSON."""
        data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(self.sandbox.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request with the token."""
        return self.send(method, path, body, self.token)

    def reason(self, method: str, path: str, body: Any = None) -> str:
        """Why a request is refused: of its first violation, else of the whole."""
        status, answer = self.call(method, path, body)
        assert status >= 400, answer
        details = {one["@type"].rpartition(".")[2]: one for one in answer["error"]["details"]}
        if "BadRequest" in details:
            return str(details["BadRequest"]["fieldViolations"][0]["reason"])
        return str(details["ErrorInfo"]["reason"])

    def made(self, name: str = "Buyers", **more: Any) -> str:
        """The id of a new list."""
        body = {"displayName": name, "ingestedUserListInfo": {"uploadKeyTypes": ["CONTACT_ID"]}, **more}
        status, answer = self.call("POST", LISTS, body)
        assert status == 200, answer
        return str(answer["id"])

    def size(self, list_id: str) -> int:
        """Identifiers in a list."""
        return len(self.sandbox.google.members(list_id))

    def outcome(self, request_id: str) -> Any:
        """What became of a request."""
        status, answer = self.call("GET", f"/v1/requestStatus:retrieve?requestId={request_id}")
        assert status == 200
        return answer["requestStatusPerDestination"][0]


@pytest.fixture
def google() -> Iterator[Caller]:
    """A caller of an empty account."""
    with SandboxGoogle() as running:
        yield Caller(running)


def place(target: str, account: str = "1234567890") -> dict[str, Any]:
    """A destination."""
    return {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": account}, "productDestinationId": target}


def member(number: int, **more: Any) -> dict[str, Any]:
    """Somebody who has granted, in hexadecimal digits."""
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    return {"userData": {"userIdentifiers": [{"emailAddress": digest}]}, "consent": GRANTED, **more}


def upload(target: str, members: Sequence[Any], **more: Any) -> dict[str, Any]:
    """A request that puts people in."""
    body = {"destinations": [place(target)], "audienceMembers": members, "encoding": "HEX", "termsOfService": TERMS}
    return {**body, **more}


def ingested(google: Caller, body: Any) -> str:
    """The request's id."""
    status, answer = google.call("POST", "/v1/audienceMembers:ingest", body)
    assert status == 200, answer
    return str(answer["requestId"])


def test_tokens(google: Caller) -> None:
    """Wrong credentials get none; a token ends; without one nothing is told."""
    form = "grant_type=refresh_token&client_id=sandbox-app&client_secret=sandbox-secret"
    assert google.send("POST", "/token", f"{form}&refresh_token=old")[1]["error"] == "invalid_grant"
    assert google.send("POST", "/token", "grant_type=refresh_token&client_id=x")[0] == 401
    assert google.send("POST", "/token", "grant_type=password")[1]["error"] == "unsupported_grant_type"
    assert google.send("GET", LISTS)[0] == 401
    assert google.call("GET", LISTS)[0] == 200
    google.sandbox.clock.advance(3_600)
    assert google.reason("GET", LISTS) == "ACCESS_TOKEN_EXPIRED"


def test_lists_page_by_page(google: Caller) -> None:
    """Fifty a page unless asked otherwise; the token leads on; a filter lets some through."""
    made = [google.made(f"List {number}", integrationCode=f"code-{number}") for number in range(51)]
    status, first = google.call("GET", LISTS)
    assert status == 200 and len(first["userLists"]) == 50
    rest = google.call("GET", f"{LISTS}?pageToken={first['nextPageToken']}")[1]
    assert [one["id"] for one in first["userLists"] + rest["userLists"]] == made and "nextPageToken" not in rest
    one = google.call("GET", f"{LISTS}?filter=integration_code%20%3D%20%22code-7%22")[1]
    assert [each["displayName"] for each in one["userLists"]] == ["List 7"]
    assert google.call("GET", f"{LISTS}?filter=display_name%20%3D%20%22none%22") == (200, {})
    assert google.reason("GET", f"{LISTS}?filter=size%20%3E%205") == "INVALID_FILTER"


def test_lists_that_are_refused(google: Caller) -> None:
    """Names are unique, durations whole days up to 540, and there is a key type."""
    kinds = {"ingestedUserListInfo": {"uploadKeyTypes": ["CONTACT_ID"]}}
    google.made("Buyers", membershipDuration="46656000s")
    wrong = {
        "DISPLAY_NAME_ALREADY_USED": {"displayName": "Buyers"},
        "INVALID_DISPLAY_NAME": {"displayName": ""},
        "INVALID_FORMAT": {"displayName": "B", "membershipDuration": "86401s"},
        "MEMBERSHIP_DURATION_TOO_LONG": {"displayName": "C", "membershipDuration": "46742400s"},
        "UNSUPPORTED_USER_LIST_UPLOAD_KEY_TYPES": {"displayName": "D", "ingestedUserListInfo": {}},
    }
    assert {reason: google.reason("POST", LISTS, {**kinds, **body}) for reason, body in wrong.items()} == {
        reason: reason for reason in wrong
    }
    assert google.reason("GET", "/v1/accountTypes/GOOGLE_ADS/accounts/1/userLists") == "PERMISSION_DENIED"


def test_list_changes(google: Caller) -> None:
    """Only what the mask names is changed, and not what is fixed; a deleted list is gone."""
    found = google.made()
    path = f"{LISTS}/{found}"
    body = {"displayName": "Other", "description": "not this"}
    status, changed = google.call("PATCH", f"{path}?updateMask=display_name", body)
    assert status == 200 and changed["displayName"] == "Other" and "description" not in changed
    assert google.reason("PATCH", f"{path}?updateMask=name", {"name": "x"}) == "INVALID_UPDATE_MASK"
    assert google.call("DELETE", path) == (200, {})
    assert google.call("GET", path)[0] == google.call("DELETE", path)[0] == 404


def test_members_come_and_go(google: Caller) -> None:
    """Put in by HEX or BASE64, which name the same people; taken out without consent or terms."""
    found = google.made()
    ingested(google, upload(found, [member(1), member(2)]))
    digest = "a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s="  # of `1`
    again = {"compositeData": {"userData": {"userIdentifiers": [{"emailAddress": digest}]}}, "consent": GRANTED}
    ingested(google, upload(found, [again], encoding="BASE64"))
    assert google.size(found) == 2
    gone = {"destinations": [place(found)], "audienceMembers": [member(1, consent={})], "encoding": "HEX"}
    status, answer = google.call("POST", "/v1/audienceMembers:remove", gone)
    assert status == 200 and google.outcome(answer["requestId"])["requestStatus"] == "SUCCESS"
    assert google.size(found) == 1


def test_caps(google: Caller) -> None:
    """10,000 members, 10 destinations, 10 identifiers."""
    found, path = google.made(), "/v1/audienceMembers:ingest"
    many = member(1)
    many["userData"] = {"userIdentifiers": many["userData"]["userIdentifiers"] * 11}
    assert google.reason("POST", path, upload(found, [member(1)] * 10_001)) == "TOO_MANY_AUDIENCE_MEMBERS"
    assert google.reason("POST", path, upload(found, [many])) == "TOO_MANY_USER_IDENTIFIERS"
    places = [place(found)] * 11
    assert google.reason("POST", path, upload(found, [member(1)], destinations=places)) == "TOO_MANY_DESTINATIONS"
    assert google.size(found) == 0


def test_one_bad_row_fails_all(google: Caller) -> None:
    """Nothing is taken, and each bad row is named by its place."""
    found = google.made()
    bad = [{"userData": {"userIdentifiers": [{"emailAddress": text}]}} for text in ("xyz", "00")]
    body = upload(found, [member(0), bad[0], member(2), bad[1], {}])
    status, answer = google.call("POST", "/v1/audienceMembers:ingest", body)
    told = {one["field"]: one["reason"] for one in answer["error"]["details"][1]["fieldViolations"]}
    row = "audience_members.audience_members[{}].composite_data.user_data.user_identifiers"
    reasons = {1: "INVALID_HEX_ENCODING", 3: "INVALID_SHA256_FORMAT", 4: "NO_IDENTIFIERS_PROVIDED"}
    assert status == 400 and told == {row.format(at): reason for at, reason in reasons.items()}
    assert google.size(found) == 0


def test_what_a_request_must_say(google: Caller) -> None:
    """Encoding, terms, a list of this account."""
    found, path = google.made(), "/v1/audienceMembers:ingest"
    wrong = {
        "REQUIRED_FIELD_MISSING": {"encoding": None},
        "TERMS_AND_CONDITIONS_NOT_SIGNED": {"termsOfService": {}},
        "INVALID_USER_LIST_ID": {"destinations": [place("1")]},
        "PERMISSION_DENIED": {"destinations": [place(found, "1")]},
    }
    for reason, change in wrong.items():
        assert google.reason("POST", path, upload(found, [member(1)], **change)) == reason
    assert google.call("POST", path, "no JSON")[0] == 400


def test_validate_only(google: Caller) -> None:
    """Looked at and not carried out."""
    found = google.made()
    assert google.call("POST", "/v1/audienceMembers:ingest", upload(found, [member(1)], validateOnly=True)) == (200, {})
    assert google.size(found) == 0


@pytest.mark.parametrize(
    ("consent", "eea", "reason"),
    [
        ({}, True, "PROCESSING_ERROR_REASON_NO_CONSENT"),
        ({"adUserData": "CONSENT_GRANTED"}, True, "PROCESSING_ERROR_REASON_NO_CONSENT"),
        ({**GRANTED, "adPersonalization": "CONSENT_DENIED"}, True, "PROCESSING_ERROR_REASON_DENIED_CONSENT"),
        ({**GRANTED, "adUserData": "CONSENT_DENIED"}, False, "PROCESSING_ERROR_REASON_DENIED_CONSENT"),
        ({}, False, None),
    ],
)
def test_consent(google: Caller, consent: dict[str, str], eea: bool, reason: str | None) -> None:
    """In the EEA both must be granted, elsewhere none denied; what a member says beats what the request says."""
    google.sandbox.google.configure({"eea": eea})
    found = google.made()
    request_consent = {} if reason and "NO_CONSENT" in reason else {"consent": GRANTED}
    request = ingested(google, upload(found, [member(1), member(2, consent=consent)], **request_consent))
    told = google.outcome(request)
    assert google.size(found) == (1 if reason else 2)
    assert told["requestStatus"] == ("PARTIAL_SUCCESS" if reason else "SUCCESS")
    if reason:
        assert told["errorInfo"]["errorCounts"] == [{"recordCount": "1", "reason": reason}]


def test_remove_all(google: Caller) -> None:
    """Those who were last put in before the time; a time to come is refused."""
    found, path = google.made(), "/v1/audienceMembers:removeAll"
    ingested(google, upload(found, [member(1), member(2)]))
    google.sandbox.clock.advance(10)
    ingested(google, upload(found, [member(2), member(3)]))
    clock = google.sandbox.clock.milliseconds() // 1_000
    for seconds, left in ((-3_600, 3), (-5, 2), (None, 0)):
        moment = {} if seconds is None else {"removeAsOfTime": _iso(clock + seconds)}
        google.sandbox.clock.advance(0.01)
        assert google.call("POST", path, {"destinations": [place(found)], **moment})[0] == 200
        assert google.size(found) == left
    later = {"destinations": [place(found)], "removeAsOfTime": _iso(clock + 60)}
    assert google.reason("POST", path, later) == "INVALID_REMOVE_AS_OF_TIME"


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def test_work_takes_time(google: Caller) -> None:
    """PROCESSING until it is done; then counts and the range of the match rate; unknown ids are refused."""
    google.sandbox.google.configure({"processing_seconds": 60})
    request = ingested(google, upload(google.made(), [member(1)]))
    assert google.outcome(request)["requestStatus"] == "PROCESSING"
    google.sandbox.clock.advance(61)
    told = google.outcome(request)["audienceMembersIngestionStatus"]["compositeDataIngestionStatus"]
    rate = {"uploadMatchRateRange": "MATCH_RATE_RANGE_41_TO_50"}
    assert told == {"recordCount": "1", "userIdentifierCount": "1", **rate}
    assert google.reason("GET", "/v1/requestStatus:retrieve?requestId=none") == "INVALID_REQUEST_ID"


def test_events(google: Caller) -> None:
    """2,000 at most; checked row by row; the same transaction id corrects, the same event changes nothing."""
    event = {**member(1), "transactionId": "1", "eventTimestamp": "2026-11-20T10:00:00Z", "conversionValue": 5.0}
    body = {"destinations": [place("700001")], "encoding": "HEX", "events": [event]}
    path = "/v1/events:ingest"
    for _ in range(2):
        assert google.call("POST", path, body)[0] == 200
    assert google.call("POST", path, {**body, "events": [{**event, "conversionValue": 0.0}]})[0] == 200
    assert [one["conversionValue"] for one in google.sandbox.google.account.events["1"]] == [5.0, 0.0]
    assert google.reason("POST", path, {**body, "events": [event] * 2_001}) == "TOO_MANY_EVENTS"
    assert google.reason("POST", path, {**body, "events": [{**event, "eventTimestamp": "x"}]}) == "INVALID_FORMAT"
    assert google.reason("POST", path, {**body, "destinations": [place("1")]}) == "INVALID_CONVERSION_ACTION_ID"


def test_quota(google: Caller) -> None:
    """Off unless asked for; then 429 with the quota it is about, reads and writes apart."""
    google.sandbox.google.configure({"limits": True, "per_minute": 2})
    found = google.made()
    assert google.call("GET", LISTS)[0] == 200
    status, answer = google.call("GET", LISTS)
    info = answer["error"]["details"][0]
    assert status == 429 and answer["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert info["metadata"]["quota_unit"] == "1/min/{project}"
    ingested(google, upload(found, [member(1)]))
    google.sandbox.clock.advance(61)
    assert google.call("GET", LISTS)[0] == 200


def test_settings_and_levers(google: Caller) -> None:
    """Unknown ones are refused; state tells names and sizes, and nobody."""
    with pytest.raises(ValueError, match="no settings"):
        google.sandbox.google.configure({"mood": "bad"})
    with pytest.raises(ValueError, match="no user list"):
        google.sandbox.levers["close_list"]("1")
    found = google.made()
    ingested(google, upload(found, [member(1)]))
    assert google.sandbox.google.state()["lists"][found]["members"] == 1
