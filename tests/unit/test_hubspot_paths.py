"""HubSpot's paths: nothing but dated ones leave, each counts against its own limit, and none is told with ids."""

from collections.abc import Iterator

import hubspot
import pytest
from hubspot_rig import Rig, rigged

from connector.crms._hubspot.paths import ASSOCIATIONS, EXEMPT, GENERAL, SEARCH, anonymous, bucket, dated, reads
from connector.limits import Clock

V = "2026-09"


@pytest.mark.parametrize(
    ("undated", "wanted"),
    [
        ("/crm/v3/objects/contacts", f"/crm/objects/{V}/contacts"),
        ("/crm/v3/objects/0-123/batch/read", f"/crm/objects/{V}/0-123/batch/read"),
        ("/crm/v4/objects/contacts/1/associations/orders", f"/crm/objects/{V}/contacts/1/associations/orders"),
        ("/crm/v4/associations/contacts/orders/batch/read", f"/crm/associations/{V}/contacts/orders/batch/read"),
        ("/crm/v3/lists/7/memberships/add-and-remove", f"/crm/lists/{V}/7/memberships/add-and-remove"),
        ("/crm/v3/lists/folders", f"/crm/lists/{V}/folders"),
        ("/crm/v3/properties/contacts/groups", f"/crm/properties/{V}/contacts/groups"),
        ("/crm/v3/property-validations/0-1", f"/crm/property-validations/{V}/0-1"),
        ("/crm/v3/limits/custom-properties", f"/crm/limits/{V}/custom-properties"),
        ("/crm/v3/pipelines/deals", f"/crm/pipelines/{V}/deals"),
        ("/oauth/v1/token", f"/oauth/{V}/token"),
        ("/oauth/v3/token/introspect", f"/oauth/{V}/token/introspect"),
        ("/account-info/v3/details", f"/account-info/{V}/details"),
        (
            "/communication-preferences/v4/statuses/batch/read",
            f"/communication-preferences/{V}/statuses/batch/read",
        ),
        (f"/crm/lists/{V}/object-type-id/0-1/name/v3", f"/crm/lists/{V}/object-type-id/0-1/name/v3"),
        (f"/account-info/{V}/details", f"/account-info/{V}/details"),
    ],
)
def test_dated(undated: str, wanted: str) -> None:
    """Each path that we use has a dated twin; a dated one stays as it is."""
    assert dated(undated, V) == wanted


@pytest.mark.parametrize("path", ["/webhooks/v3/1/settings", "/marketing/v3/emails", "/events/v3/send"])
def test_no_dated_twin(path: str) -> None:
    """A path nobody has looked up is refused here, before HubSpot ends it."""
    with pytest.raises(ValueError, match="no dated path"):
        dated(path, V)


def test_nothing_undated_leaves() -> None:
    """Every operation of the SDK's modules that we use goes out under the dated version."""
    with rigged() as rig:
        crm = hubspot.Client.create(api_factory=rig.crm()._transport.api_factory).crm
        quiet = {"_preload_content": False}
        crm.objects.basic_api.get_page("contacts", **quiet)
        crm.objects.search_api.do_search("contacts", {"limit": 1}, **quiet)
        crm.associations.v4.batch_api.get_page("orders", "contacts", {"inputs": [{"id": "1"}]}, **quiet)
        crm.properties.core_api.get_all("contacts", **quiet)
        crm.lists.folders_api.get_all(**quiet)
        asked = [one["path"] for one in rig.requests()]
    assert len(asked) == 5
    assert all(f"/{V}/" in f"{path}/" for path in asked)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (f"/crm/objects/{V}/contacts/search", SEARCH),
        (f"/crm/lists/{V}/search", GENERAL),
        (f"/crm/associations/{V}/orders/contacts/batch/read", ASSOCIATIONS),
        (f"/webhooks-journal/journal-local/{V}/earliest", EXEMPT),
        (f"/crm/objects/{V}/contacts", GENERAL),
    ],
)
def test_bucket(path: str, wanted: str) -> None:
    """Search, associations and the webhooks journal have limits of their own."""
    assert bucket(path) == wanted


def test_told_without_ids() -> None:
    """Messages and logs name neither records nor lists."""
    assert anonymous(f"/crm/objects/{V}/contacts/123") == f"/crm/objects/{V}/contacts/…"
    assert anonymous(f"/crm/lists/{V}/object-type-id/0-1/name/VIP Dana") == f"/crm/lists/{V}/object-type-id/0-1/name/…"


def test_reads() -> None:
    """Searches, batch reads and tokens are no writes, although they are POSTs."""
    posts = ("contacts/search", "contacts/batch/read", "contacts/batch/update")
    assert [reads("POST", f"/crm/objects/{V}/{path}") for path in posts] == [True, True, False]
    assert reads("POST", f"/oauth/{V}/token")


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty portal with tight limits."""
    with rigged(limits=True) as rig:
        yield rig


def test_associations_have_a_bucket_of_their_own(rig: Rig) -> None:
    """Association reads neither wait for the general limit nor use it up."""
    passed = [0.0]
    crm = rig.crm(
        clock=Clock(monotonic=lambda: passed[0], sleep=lambda seconds: passed.__setitem__(0, passed[0] + seconds))
    )
    for _ in range(80):
        crm._transport.quota.before(ASSOCIATIONS)
    crm._transport.quota.before(GENERAL)
    assert passed[0] == 0
    crm._transport.quota.before(ASSOCIATIONS)
    assert passed[0] == 10
