"""The sandbox HubSpot's webhooks journal: subscriptions, events of every kind, offsets, files, retention, tokens."""

from collections.abc import Iterator
from typing import Any

import pytest
from test_sandbox_caller import CONTACTS, LISTS, ORDERS, Caller, Reply, V, calling

from connector.sandbox.hubspot_portal import PORTAL_ID

JOURNAL = f"/webhooks-journal/journal-local/{V}"
SUBSCRIPTIONS = f"/webhooks-journal/subscriptions/{V}"
SCOPES = "developer.webhooks_journal.read developer.webhooks_journal.subscriptions.read"
OBJECT = {"subscriptionType": "OBJECT", "portalId": PORTAL_ID, "objectTypeId": "0-1"}
ALL = ["CREATE", "UPDATE", "DELETE", "MERGE", "RESTORE"]


class Reader:
    """An app that reads the journal of a sandbox with its own token."""

    def __init__(self, call: Caller) -> None:
        self.call = call
        self.scopes = f"{SCOPES} developer.webhooks_journal.subscriptions.write"

    def __call__(self, method: str, path: str, body: Any = None) -> Reply:
        """One request."""
        client = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
        form = {"grant_type": "client_credentials", "scope": self.scopes, **client}
        token = self.call.form(f"/oauth/{V}/token", **form).body["access_token"]
        return self.call(method, path, body, Authorization=f"Bearer {token}")

    def subscribe(self, **body: Any) -> Any:
        """Ask for more to be written down."""
        answer = self("POST", SUBSCRIPTIONS, body)
        assert answer.status in (200, 201), answer.body
        return answer.body

    def file(self, path: str) -> Any:
        """The file that a path of the journal points to; None where there is none."""
        answer = self("GET", JOURNAL + path)
        assert answer.status in (200, 204), answer.body
        return self.call.pool.request("GET", answer.body["url"]).json() if answer.body else None

    def events(self, *names: str) -> list[tuple[Any, ...]]:
        """Chosen fields of all events that are there."""
        found: list[tuple[Any, ...]] = []
        file = self.file("/earliest")
        while file:
            found += [tuple(event.get(name) for name in names) for event in file["journalEvents"]]
            file = self.file(f"/offset/{file['offset']}/next")
        return found


@pytest.fixture
def call() -> Iterator[Caller]:
    """A sandbox of one's own."""
    with calling() as caller:
        yield caller


@pytest.fixture
def app(call: Caller) -> Reader:
    """An app that has subscribed to nothing yet."""
    return Reader(call)


def test_nothing_is_written_down_before_somebody_subscribes(call: Caller, app: Reader) -> None:
    """The journal is empty (204), and changes before the first subscription never get into it."""
    early = call.contact()
    assert [app("GET", JOURNAL + path).status for path in ("/earliest", "/latest")] == [204, 204]
    app.subscribe(**OBJECT, actions=["UPDATE", "CREATE"])
    late = call.contact()
    assert app.events("action", "objectId") == [("CREATE", int(late))]
    assert early != late


def test_records_made_changed_archived_and_restored(call: Caller, app: Reader) -> None:
    """Each with type, account, moment, type and number of the record; changes show the properties asked for."""
    app.subscribe(**OBJECT, actions=ALL, properties=["city", "zip"])
    number = int(call.contact(city="Ulm", country="DE"))
    call("PATCH", f"{CONTACTS}/{number}", {"properties": {"city": "", "zip": "1"}})
    call("PATCH", f"{CONTACTS}/{number}", {"properties": {"country": "FR"}})
    call("PATCH", f"{CONTACTS}/{number}", {"properties": {"zip": "1"}})
    call("DELETE", f"{CONTACTS}/{number}")
    call.sandbox.restore("contacts", str(number))
    assert app.events("action", "objectId", "propertyChanges") == [
        ("CREATE", number, {"city": "Ulm"}),
        ("UPDATE", number, {"city": "", "zip": "1"}),
        ("DELETE", number, None),
        ("RESTORE", number, None),
    ]
    first = app.file("/earliest")["journalEvents"][0]
    assert (first["type"], first["portalId"], first["objectTypeId"]) == ("crmObject", PORTAL_ID, "0-1")
    assert first["occurredAt"].endswith("Z")


def test_people_other_apps_and_bulk_edits_are_told_alike(call: Caller, app: Reader) -> None:
    """A person's act, a batch and a lever: one event for each record."""
    ids = [int(call.contact()) for _ in range(3)]
    app.subscribe(**OBJECT, actions=["UPDATE"])
    call.sandbox.portal.act("PATCH", f"{CONTACTS}/{ids[0]}", {"properties": {"city": "Ulm"}})
    rows = [{"id": str(number), "properties": {"city": "Rom"}} for number in ids[1:]]
    call("POST", f"{CONTACTS}/batch/update", {"inputs": rows})
    call.sandbox.touch("contacts", None, {"zip": "9"})
    assert app.events("objectId") == [(number,) for number in [*ids, *ids]]


def test_a_refused_write_is_not_told(call: Caller, app: Reader) -> None:
    """What was rolled back did not happen."""
    number = call.contact()
    app.subscribe(**OBJECT, actions=ALL)
    rows = [{"id": number, "properties": {"city": "Ulm"}}, {"id": number, "properties": {}}]
    assert call("POST", f"{CONTACTS}/batch/update", {"inputs": rows}).status == 400
    bad = [{"properties": {"email": "a@example.com"}}, {"properties": {"email": "a@example.com"}}]
    assert call("POST", f"{CONTACTS}/batch/create", {"inputs": bad}).status == 409
    assert app.events("action") == []


def test_merges_name_both_ends(call: Caller, app: Reader) -> None:
    """The survivor's number, whose values won, and who was merged into it."""
    one, two = call.contact(email="one@example.com"), call.contact(email="two@example.com")
    app.subscribe(**OBJECT, actions=ALL)
    survivor = call("POST", f"{CONTACTS}/merge", {"primaryObjectId": one, "objectIdToMerge": two}).body["id"]
    fields = ("action", "objectId", "newObjectId", "primaryObjectId", "mergedObjectIds")
    assert app.events(*fields) == [("MERGE", int(survivor), int(survivor), int(one), [int(two)])]


def test_privacy_deletions_are_told_as_both(call: Caller, app: Reader) -> None:
    """A subscription of their own, and a plain deletion for those who subscribed to records."""
    number = call.contact(email="gone@example.com")
    app.subscribe(**OBJECT, actions=["DELETE"])
    app.subscribe(subscriptionType="GDPR_PRIVACY_DELETION", portalId=PORTAL_ID)
    call("POST", f"{CONTACTS}/gdpr-delete", {"objectId": number})
    assert app.events("action", "objectId") == [("DELETE", int(number)), ("GDPR_DELETE", int(number))]
    assert "gone@" not in str(app.file("/earliest"))


def test_associations_are_told_from_the_subscribed_end(call: Caller, app: Reader) -> None:
    """Added and removed, both ends named; tying what is tied, and other pairs of types, are not told."""
    contact, order = call.contact(), call.order("", 1)
    app.subscribe(
        subscriptionType="ASSOCIATION",
        portalId=PORTAL_ID,
        objectTypeId="0-123",
        associatedObjectTypeIds=["0-1"],
        actions=["ASSOCIATION_ADDED", "ASSOCIATION_REMOVED"],
    )
    for _ in range(2):
        call("PUT", f"{ORDERS}/{order}/associations/default/contacts/{contact}")
    call("DELETE", f"{ORDERS}/{order}/associations/contacts/{contact}")
    call("DELETE", f"{ORDERS}/{order}/associations/contacts/{contact}")
    ends = ("fromObjectTypeId", "fromObjectId", "toObjectTypeId", "toObjectId", "associationTypeId")
    tie = ("0-123", int(order), "0-1", int(contact), 507)
    assert app.events("action", *ends) == [("ASSOCIATION_ADDED", *tie), ("ASSOCIATION_REMOVED", *tie)]


def test_list_memberships_are_told(call: Caller, app: Reader) -> None:
    """Who came into which list and who left it, of the lists asked for; nobody twice."""
    ids = [call.contact() for _ in range(3)]
    number, other = call.list("ours"), call.list("theirs")
    actions = ["ADDED_TO_LIST", "REMOVED_FROM_LIST"]
    app.subscribe(subscriptionType="LIST_MEMBERSHIP", portalId=PORTAL_ID, listIds=[int(number)], actions=actions)
    for target in (number, number, other):
        call("PUT", f"{LISTS}/{target}/memberships/add", ids)
    call("PUT", f"{LISTS}/{number}/memberships/remove", ids[:1])
    call("DELETE", f"{LISTS}/{number}/memberships")
    told = [(action, int(number), int(one)) for action, those in zip(actions, (ids, ids), strict=True) for one in those]
    assert app.events("action", "listId", "objectId") == told


def test_types_and_records_can_be_narrowed(call: Caller, app: Reader) -> None:
    """Only the type subscribed to, and only the records named where some are."""
    ids = [int(call.contact()) for _ in range(2)]
    app.subscribe(**OBJECT, actions=["UPDATE"], objectIds=ids[:1])
    app.subscribe(**{**OBJECT, "objectTypeId": "orders"}, actions=["CREATE"])
    order = int(call.order(""))
    for number in ids:
        call("PATCH", f"{CONTACTS}/{number}", {"properties": {"city": "Ulm"}})
    assert app.events("objectTypeId", "objectId") == [("0-123", order), ("0-1", ids[0])]


def test_files_follow_each_other(call: Caller, app: Reader) -> None:
    """Small files in order: earliest, latest, next, batches; the newest has none after it; readers share nothing."""
    call.sandbox.portal.configure({"journal_file_events": 2})
    app.subscribe(**OBJECT, actions=["CREATE"])
    ids = [int(call.contact()) for _ in range(5)]
    first, last = app.file("/earliest"), app.file("/latest")
    assert [[event["objectId"] for event in file["journalEvents"]] for file in (first, last)] == [ids[:2], ids[4:]]
    assert app.file(f"/offset/{first['offset']}/next")["journalEvents"][0]["objectId"] == ids[2]
    assert app("GET", f"{JOURNAL}/offset/{last['offset']}/next").status == 204
    batch = app("GET", f"{JOURNAL}/batch/{first['offset']}/next/100").body
    assert (batch["status"], batch["results"][-1]["currentOffset"]) == ("COMPLETE", last["offset"])
    assert len(batch["results"]) == 2
    assert app("GET", f"{JOURNAL}/batch/{last['offset']}/next/5").body["results"] == []
    assert [len(app("GET", f"{JOURNAL}/batch/{end}/2").body["results"]) for end in ("earliest", "latest")] == [2, 2]
    assert app("GET", f"{JOURNAL}/batch/earliest/101").status == 400
    assert app("GET", f"{JOURNAL}/earliest?installPortalId=1").status == 204
    assert app("GET", f"{JOURNAL}/earliest?installPortalId={PORTAL_ID}").status == 200


def test_a_file_covers_a_minute_at_most(call: Caller, app: Reader) -> None:
    """What happened later is in a later file, published when it happened."""
    app.subscribe(**OBJECT, actions=["CREATE"])
    call.contact()
    call.sandbox.clock.advance(61)
    call.contact()
    first, last = app.file("/earliest"), app.file("/latest")
    assert first["offset"] != last["offset"]
    assert first["publishedAt"] < last["publishedAt"] == last["journalEvents"][-1]["occurredAt"]


def test_three_days_are_kept(call: Caller, app: Reader) -> None:
    """Read or not, what is older is gone; an offset that is gone, or never was, is 404."""
    app.subscribe(**OBJECT, actions=["CREATE"])
    call.contact()
    offset = app.file("/earliest")["offset"]
    call.contact()
    call.sandbox.clock.advance(2 * 86_400)
    number = int(call.contact())
    call.sandbox.clock.advance(86_400)
    assert app.events("objectId") == [(number,)]
    for gone in (offset, "550e8400-e29b-41d4-a716-446655440000"):
        for path in (f"/offset/{gone}/next", f"/batch/{gone}/next/5"):
            assert app("GET", JOURNAL + path).status == 404


def test_an_address_works_for_five_minutes_without_a_token(call: Caller, app: Reader) -> None:
    """Whoever has it may read; afterwards it is refused, and a new one is to be had."""
    app.subscribe(**OBJECT, actions=["CREATE"])
    call.contact()
    pointer = app("GET", f"{JOURNAL}/earliest").body
    assert call.pool.request("GET", pointer["url"]).json()["offset"] == pointer["currentOffset"]
    call.sandbox.clock.advance(300)
    assert call.pool.request("GET", pointer["url"]).status == 403
    assert app.file("/earliest")["offset"] == pointer["currentOffset"]


def test_only_the_apps_own_token_may_read(call: Caller, app: Reader) -> None:
    """A static token and a token of an account are 403, as is an app token without the scope."""
    refused = call("GET", f"{JOURNAL}/earliest")
    assert (refused.status, refused.body["category"]) == (403, "MISSING_SCOPES")
    client = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    form = {"grant_type": "refresh_token", "refresh_token": "sandbox-refresh", **client}
    token = call.form(f"/oauth/{V}/token", **form).body["access_token"]
    assert call("GET", f"{JOURNAL}/latest", Authorization=f"Bearer {token}").status == 403
    app.scopes = SCOPES
    assert app("POST", SUBSCRIPTIONS, {**OBJECT, "actions": ["CREATE"]}).status == 403
    assert app("GET", SUBSCRIPTIONS).body["results"] == []


def test_subscriptions_are_made_found_changed_and_ended(call: Caller, app: Reader) -> None:
    """The same thing twice is one subscription with what was said last; ended ones write nothing more."""
    made = app.subscribe(**OBJECT, actions=["CREATE"])
    again = app("POST", SUBSCRIPTIONS, {**OBJECT, "actions": ["DELETE"]})
    assert (again.status, again.body["id"], again.body["actions"]) == (200, made["id"], ["DELETE"])
    assert app("GET", SUBSCRIPTIONS).body["results"] == [again.body]
    assert app("GET", f"{SUBSCRIPTIONS}/{made['id']}").body["createdAt"] == made["createdAt"]
    assert app("DELETE", f"{SUBSCRIPTIONS}/{made['id']}").status == 204
    assert app("GET", f"{SUBSCRIPTIONS}/{made['id']}").status == 404
    app.subscribe(**OBJECT, actions=["CREATE"])
    call.contact()
    assert app("DELETE", f"{SUBSCRIPTIONS}/portals/{PORTAL_ID}").status == 204
    call.contact()
    assert len(app.events("objectId")) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"subscriptionType": "OBJECT", "portalId": PORTAL_ID, "actions": ["CREATE"]},
        {**OBJECT, "actions": []},
        {**OBJECT, "actions": ["GDPR_DELETE"]},
        {**OBJECT, "actions": ["CREATE"], "portalId": 1},
        {**OBJECT, "actions": ["CREATE"], "objectTypeId": "lamps"},
        {**OBJECT, "actions": ["CREATE"], "subscriptionType": "EVERYTHING"},
        {"actions": ["CREATE"]},
    ],
)
def test_subscriptions_that_make_no_sense_are_refused(app: Reader, body: Any) -> None:
    """A missing type, no action or one of another kind, another account, an unknown type."""
    answer = app("POST", SUBSCRIPTIONS, body)
    assert (answer.status, answer.body["category"]) == (400, "VALIDATION_ERROR")


def test_the_journal_is_exempt_from_limits(call: Caller, app: Reader) -> None:
    """It is read when every budget is used up, and uses up none."""
    call.sandbox.portal.configure({"limits": True, "ten_seconds": 0, "daily_limit": 5, "daily_used": 5})
    app.subscribe(**OBJECT, actions=["CREATE"])
    answer = app("GET", f"{JOURNAL}/earliest")
    assert answer.status == 204
    assert not [name for name in answer.headers if "ratelimit" in name.lower()]
    assert call.sandbox.portal.settings.daily_used == 5


def test_subscriptions_and_events_outlive_a_restart(tmp_path: Any) -> None:
    """They are part of the portal's state."""
    with calling(state=tmp_path / "state.db") as call:
        Reader(call).subscribe(**OBJECT, actions=["CREATE"])
        call.contact()
    with calling(state=tmp_path / "state.db") as call:
        call.contact()
        assert len(Reader(call).events("objectId")) == 2
