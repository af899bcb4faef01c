"""HubSpot's own client as a judge: with validation on it accepts every shape the sandbox answers.

The client knows only v3 and v4 paths; their dated successors carry the same shapes (HubSpot's migration guide).
"""

import re
from collections.abc import Iterator
from typing import Any

import hubspot
import pytest
from hubspot.crm import associations, lists, objects, properties
from test_sandbox_caller import Caller, V, calling

DATED = (
    (re.compile(r"/crm/v[34]/(objects|lists|properties|associations|pipelines)"), rf"/crm/\1/{V}"),
    (re.compile(r"/oauth/v1/"), f"/oauth/{V}/"),
)


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """A sandbox for the whole file."""
    with calling() as caller:
        yield caller


@pytest.fixture
def client(call: Caller) -> Iterator[Any]:
    """HubSpot's client, on dated paths, refusing answers that lack a required field."""
    made: list[Any] = []

    def factory(package: Any, name: str, config: dict[str, Any]) -> Any:
        configuration = package.Configuration(host=call.sandbox.url)
        configuration.access_token = call.sandbox.token
        configuration.client_side_validation = True
        api = package.ApiClient(configuration)
        send = api.request
        api.request = lambda method, url, **more: send(method, _dated(url), **more)
        made.append(api)
        return getattr(package, name)(api)

    yield hubspot.Client.create(access_token=call.sandbox.token, api_factory=factory)
    for api in made:
        api.rest_client.pool_manager.clear()


def _dated(url: str) -> str:
    for pattern, new in DATED:
        url = pattern.sub(new, url)
    return url


def test_records(client: Any) -> None:
    """Create, read, list, search, update, 207 and archive parse into the client's models."""
    api = client.crm.objects
    new = objects.SimplePublicObjectInputForCreate(properties={"email": "sdk@example.com"}, associations=[])
    made = api.basic_api.create("contacts", new)
    assert api.basic_api.get_by_id("contacts", made.id, properties=["email"]).properties["email"] == "sdk@example.com"
    assert [one.id for one in api.basic_api.get_page("contacts", limit=1, associations=["orders"]).results] == [made.id]
    assert api.search_api.do_search("contacts", objects.PublicObjectSearchRequest(limit=1)).total == 1
    rows = [objects.SimplePublicObjectBatchInput(id=made.id, properties={"city": "Ulm"}, object_write_trace_id="t")]
    after = api.batch_api.update("contacts", objects.BatchInputSimplePublicObjectBatchInput(inputs=rows))
    assert (after.results[0].object_write_trace_id, after.results[0].properties["city"]) == ("t", "Ulm")
    ids = [objects.SimplePublicObjectId(id=number) for number in (made.id, "999999")]
    wanted = objects.BatchReadInputSimplePublicObjectId(inputs=ids, properties=["email"], properties_with_history=[])
    read = api.batch_api.read("contacts", wanted)
    assert (type(read).__name__, read.num_errors) == ("BatchResponseSimplePublicObjectWithErrors", 1)
    api.basic_api.archive("contacts", made.id)


def test_merges_and_upserts(client: Any, call: Caller) -> None:
    """The contact-only verbs parse too."""
    body = {"primaryObjectId": call.contact(email="a@example.com"), "objectIdToMerge": call.contact()}
    assert client.crm.contacts.basic_api.merge(body).properties["email"] == "a@example.com"
    row = {"id": "up@example.com", "idProperty": "email", "properties": {}}
    assert client.crm.contacts.batch_api.upsert({"inputs": [row]}).results[0].new is True


def test_associations(client: Any, call: Caller) -> None:
    """Reading, tying and untying in batches, with error rows."""
    contact, guest = call.contact(), call.sandbox.portal.create_order(None, [])
    order = call.order(contact)
    api = client.crm.associations.v4.batch_api
    inputs = [associations.v4.PublicFetchAssociationsBatchRequest(id=number) for number in (order, guest)]
    body = associations.v4.BatchInputPublicFetchAssociationsBatchRequest(inputs=inputs)
    read = api.get_page("orders", "contacts", body)
    assert read.results[0].to[0].association_types[0].type_id == 507
    assert read.num_errors == 1
    basic = client.crm.associations.v4.basic_api
    assert basic.create_default("orders", guest, "contacts", contact).results[0].association_spec is not None
    assert len(basic.get_page("contacts", contact, "orders").results) == 2
    basic.archive("orders", guest, "contacts", contact)


def test_properties(client: Any) -> None:
    """Groups and definitions, one by one and in batches, a taken name among them."""
    api = client.crm.properties
    group = properties.PropertyGroupCreate(name="lamplighter", label="Lamplighter", display_order=-1)
    assert api.groups_api.create("contacts", group).name == "lamplighter"
    assert len(api.groups_api.get_all("contacts").results) == 2
    one = properties.PropertyCreate(
        name="lamplighter_x", label="X", group_name="lamplighter", type="string", field_type="text"
    )
    assert api.core_api.create("contacts", one).has_unique_value is False
    again = api.batch_api.create("contacts", properties.BatchInputPropertyCreate(inputs=[one]))
    assert again.num_errors == 1
    names = [properties.PropertyName(name="lamplighter_x")]
    read = properties.BatchReadInputPropertyName(inputs=names, archived=False)
    assert len(api.batch_api.read("contacts", read).results) == 1
    assert "email" in [each.name for each in api.core_api.get_all("contacts").results]


def test_lists(client: Any, call: Caller) -> None:
    """Lists, folders and memberships."""
    api = client.crm.lists
    new = lists.ListCreateRequest(name="L", object_type_id="0-1", processing_type="MANUAL")
    number = api.lists_api.create(new).list.list_id
    contact = call.contact()
    change = lists.MembershipChangeRequest(record_ids_to_add=[contact, "999999"], record_ids_to_remove=[])
    answer = api.memberships_api.add_and_remove(number, change)
    assert (answer.records_ids_added, answer.record_ids_missing) == ([contact], ["999999"])
    assert api.memberships_api.get_page(number, limit=10).results[0].record_id == contact
    assert api.memberships_api.get_lists("0-1", contact).results[0].list_id == number
    assert api.lists_api.get_by_name("L", "0-1").list.size == 1
    assert api.lists_api.update_name(number, list_name="M").updated_list.name == "M"
    found = api.lists_api.do_search({"query": "M", "listIds": [], "processingTypes": ["MANUAL"]})
    assert found.lists[0].additional_properties["hs_list_size"] == "1"
    folder = api.folders_api.create(lists.ListFolderCreateRequest(name="F")).folder
    assert api.folders_api.get_all().folder.child_nodes[0].id == folder.id
    assert api.folders_api.move(str(folder.id), "0").folder.parent_folder_id == 0
    assert api.folders_api.rename(str(folder.id), new_folder_name="G").folder.name == "G"
    api.folders_api.move_list(lists.ListMoveRequest(list_id=number, new_folder_id=str(folder.id)))
    assert api.memberships_api.get_page_ordered_by_added_to_list_date(number).total == 1
    api.memberships_api.add_all_from_list(number, number)
    api.lists_api.remove(number)
    api.lists_api.restore(number)


def test_pipelines_and_history(client: Any, call: Caller) -> None:
    """Pipelines with their stages, and all values that a property had."""
    pipeline = client.crm.pipelines.pipelines_api.get_all("deals").results[0]
    assert (pipeline.id, pipeline.stages[5].metadata["isClosed"]) == ("default", "true")
    assert len(client.crm.pipelines.pipeline_stages_api.get_all("deals", "default").results) == 7
    deal = call.sandbox.create_deal(call.contact(), [], stage="contractsent")
    call.sandbox.touch("deals", [deal], {"dealstage": "closedwon"})
    read = client.crm.objects.basic_api.get_by_id("deals", deal, properties_with_history=["dealstage"])
    assert [one.value for one in read.properties_with_history["dealstage"]] == ["closedwon", "contractsent"]


def test_tokens_and_errors(client: Any, call: Caller) -> None:
    """The token endpoint's answer parses; an error reaches the caller as the client's own exception."""
    form = {"client_id": "sandbox-client", "client_secret": "sandbox-secret", "code": "sandbox-code"}
    assert client.oauth.tokens_api.create(grant_type="authorization_code", **form).expires_in == 1_800
    with pytest.raises(objects.ApiException) as caught:
        client.crm.objects.basic_api.get_by_id("contacts", "999999")
    assert (caught.value.status, "OBJECT_NOT_FOUND" in caught.value.body) == (404, True)
