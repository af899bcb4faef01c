"""What destinations acknowledged and refused, and what people took out by hand, on SQLite and on PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import command
from store_rows import membership, properties, record

from connector.model import Receipt
from connector.store import Store, acknowledged, database, open_store, refused_lists, vetoes
from connector.store.remotes import Remembered

NOON = datetime(2026, 9, 30, 12, tzinfo=UTC)


def test_a_receipt_is_kept_row_by_row(store: Store) -> None:
    """Members come and go; who was refused is remembered with the wish, and nobody else is touched."""
    record(store, membership(add=("1", "2", "3")), Receipt(added=("1", "2"), rejected={"3": "no such record"}))
    record(store, membership(remove=("2", "4")), Receipt(removed=("2", "4")))
    record(store, membership(add=("2",), name="lapsed"), Receipt(added=("2",)))
    assert sorted(acknowledged.members(store, "hubspot")) == [("lapsed", "2", True), ("loyal", "1", True)]
    assert acknowledged.members(store, "hubspot", of=["2"]) == [("lapsed", "2", True)]
    assert acknowledged.sizes(store, "hubspot") == {"loyal": 1, "lapsed": 1}
    assert acknowledged.refusals(store, "hubspot") == {("loyal", "3"): "add"}


def test_recording_a_receipt_twice_changes_nothing(store: Store) -> None:
    """A batch may be delivered again after an unknown outcome."""
    for run in (1, 2):
        record(store, membership(add=("1", "2")), Receipt(added=("1", "2")), run)
        record(store, properties({"1": {"tier": "gold"}}), Receipt(written={"1": NOON}), run)
    assert acknowledged.sizes(store, "hubspot") == {"loyal": 2}
    assert acknowledged.profiles(store, "hubspot") == {"1": {"tier": "gold"}}


def test_properties_add_up_and_none_clears(store: Store) -> None:
    """What stands on a contact is what was written last, field by field; its own echo is known."""
    record(store, properties({"1": {"tier": "gold", "cell": "loyal"}}), Receipt(written={"1": NOON}))
    record(store, properties({"1": {"tier": None, "next": "lamp"}}), Receipt(written={"1": NOON + timedelta(1)}))
    assert acknowledged.profiles(store, "hubspot", of=["1", "2"]) == {"1": {"cell": "loyal", "next": "lamp"}}
    assert acknowledged.echoes(store, "hubspot", of=["1", "2"]) == {"1": NOON + timedelta(1)}


def test_a_refused_property_write_is_remembered_by_its_wish(store: Store) -> None:
    """The same wish is not sent again; another one is another matter."""
    record(store, properties({"1": {"b": "2", "a": None}}), Receipt(rejected={"1": "read-only"}))
    assert acknowledged.refusals(store, "hubspot") == {("", "1"): json.dumps({"a": None, "b": "2"})}
    acknowledged.forget_refusals(store, "hubspot", ["1"])
    assert acknowledged.refusals(store, "hubspot") == {}


def test_a_wish_that_came_true_is_no_longer_refused(store: Store) -> None:
    """Once a member is in, the old refusal is history."""
    record(store, membership(add=("1",)), Receipt(rejected={"1": "archived"}))
    record(store, membership(add=("1",)), Receipt(added=("1",)))
    assert acknowledged.refusals(store, "hubspot") == {}


def test_the_survivor_of_a_merge_inherits_uncertainly(store: Store) -> None:
    """Memberships pass on, to be stated again; the survivor's properties become unknown; the dead leave no trace."""
    record(store, membership(add=("1", "2")), Receipt(added=("1", "2")))
    record(store, membership(add=("1", "3"), name="lapsed"), Receipt(added=("1",), rejected={"3": "gone"}))
    record(store, properties({"1": {"tier": "gold"}, "9": {"tier": "new"}}), Receipt(written={"1": None, "9": None}))
    acknowledged.inherit(store, "hubspot", {"1": "9", "2": None, "3": None}, run=2)
    assert sorted(acknowledged.members(store, "hubspot")) == [("lapsed", "9", False), ("loyal", "9", False)]
    assert acknowledged.profiles(store, "hubspot") == {"9": None}
    assert acknowledged.refusals(store, "hubspot") == {}


def test_an_inherited_membership_becomes_certain_when_stated(store: Store) -> None:
    """The next receipt settles what a merge left open, either way."""
    record(store, membership(add=("1",)), Receipt(added=("1",)))
    acknowledged.inherit(store, "hubspot", {"1": "9"}, run=2)
    record(store, membership(add=("9",)), Receipt(added=("9",)), run=3)
    assert acknowledged.members(store, "hubspot") == [("loyal", "9", True)]


def test_a_list_that_is_gone_has_nobody(store: Store) -> None:
    """Forgetting a list forgets its members and refusals, and no other list's."""
    for name in ("loyal", "lapsed"):
        record(store, membership(add=("1", "2"), name=name), Receipt(added=("1",), rejected={"2": "gone"}))
    acknowledged.forget_list(store, "hubspot", "loyal")
    assert acknowledged.members(store, "hubspot") == [("lapsed", "1", True)]
    assert acknowledged.refusals(store, "hubspot") == {("lapsed", "2"): "add"}


def test_more_members_than_one_statement_carries(store: Store) -> None:
    """Statements are cut into pieces; nothing falls between them."""
    many = tuple(str(number) for number in range(12_345))
    record(store, membership(add=many), Receipt(added=many))
    values: dict[str, dict[str, str | None]] = {member: {"tier": "gold"} for member in many}
    record(store, properties(values), Receipt(written=dict.fromkeys(many, NOON)))
    assert acknowledged.sizes(store, "hubspot") == {"loyal": 12_345}
    assert len(acknowledged.members(store, "hubspot", of=many)) == 12_345
    record(store, membership(remove=many[1:]), Receipt(removed=many[1:]))
    assert acknowledged.members(store, "hubspot") == [("loyal", "0", True)]


def test_a_property_that_was_withheld_is_not_acknowledged(store: Store) -> None:
    """The others of the same contact are; the refusal is of that property alone, in the destination's words."""
    wish = properties({"1": {"cell": "555", "tier": "gold"}, "2": {"cell": "111"}})
    record(store, wish, Receipt(written={"1": NOON, "2": NOON}, withheld={"1": {"cell": "MAX_LENGTH"}}))
    assert acknowledged.profiles(store, "hubspot") == {"1": {"tier": "gold"}, "2": {"cell": "111"}}
    assert acknowledged.refusals(store, "hubspot") == {("", "1"): json.dumps({"cell": "555"})}
    assert acknowledged.refusal_counts(store) == [("hubspot", "", "cell: MAX_LENGTH", 1)]


def test_a_list_in_doubt_is_settled_member_by_member(store: Store) -> None:
    """Doubt is about one list; what is read there makes certain, or forgets."""
    for name in ("loyal", "lapsed"):
        record(store, membership(add=("1", "2"), name=name), Receipt(added=("1", "2")))
    acknowledged.doubt_list(store, "hubspot", "loyal")
    assert acknowledged.members_of(store, "hubspot", "loyal") == {"1": False, "2": False}
    assert not acknowledged.corrected(store, "hubspot", 2)
    with store.begin() as connection:
        acknowledged.put_members(connection, "hubspot", [("loyal", "1")], 2, certain=True)
        acknowledged.forget_members(connection, "hubspot", "loyal", ["2"])
    assert acknowledged.corrected(store, "hubspot", 2)
    assert acknowledged.members_of(store, "hubspot", "loyal") == {"1": True}
    assert acknowledged.members_of(store, "hubspot", "lapsed") == {"1": True, "2": True}


def test_a_veto_holds_until_it_is_lifted(store: Store) -> None:
    """Kept with the moment it was first noticed; dropped for one member, or lifted for a list."""
    for run in (1, 2):
        with store.begin() as connection:
            vetoes.keep(connection, "hubspot", "loyal", ["1", "2"], run)
            vetoes.keep(connection, "hubspot", "lapsed", ["1"], run)
    noticed = vetoes.vetoes(store, "hubspot")[("loyal", "1")]
    assert (noticed.tzinfo, vetoes.vetoes(store, "hubspot", of=["2"]).keys()) == (UTC, {("loyal", "2")})
    assert vetoes.counts(store) == [("hubspot", "lapsed", 1), ("hubspot", "loyal", 2)]
    with store.begin() as connection:
        vetoes.drop(connection, "hubspot", "loyal", ["2"])
    assert vetoes.lift(store, "hubspot", "loyal") == 1
    assert vetoes.vetoes(store, "hubspot").keys() == {("lapsed", "1")}
    assert vetoes.vetoes(store, "salesforce") == {}


def test_a_veto_passes_to_the_survivor_of_a_merge(store: Store) -> None:
    """It outlives a deletion, which may be undone; of an erased contact nothing is left."""
    with store.begin() as connection:
        vetoes.keep(connection, "hubspot", "loyal", ["1", "2", "3"], 1)
    acknowledged.inherit(store, "hubspot", {"1": "9", "2": None, "3": None}, run=2, erased=["3"])
    assert vetoes.vetoes(store, "hubspot").keys() == {("loyal", "9"), ("loyal", "2")}


def test_what_stands_on_a_deleted_contact_becomes_unknown(store: Store) -> None:
    """It may be restored with our properties on it; of an erased contact nothing is left."""
    record(store, properties({one: {"tier": "gold"} for one in "12"}), Receipt(written={"1": None, "2": None}))
    acknowledged.inherit(store, "hubspot", {"1": None, "2": None}, run=2, erased=["2"])
    assert acknowledged.profiles(store, "hubspot") == {"1": None}


def test_a_refused_list_is_known_with_its_reason(store: Store) -> None:
    """The newest reason counts; one that stands again is dropped."""
    refused_lists.keep(store, "hubspot", {}, 1)
    refused_lists.keep(store, "hubspot", {"loyal": "no room", "lapsed": "no room"}, 1)
    refused_lists.keep(store, "hubspot", {"loyal": "deleted twice"}, 2)
    assert refused_lists.reasons(store, "hubspot") == {"lapsed": "no room", "loyal": "deleted twice"}
    refused_lists.drop(store, "hubspot", ["loyal", "never_made"])
    assert refused_lists.reasons(store, "hubspot") == {"lapsed": "no room"}
    assert refused_lists.reasons(store, "salesforce") == {}


def test_a_store_of_the_first_version_is_brought_up_to_date(url: str) -> None:
    """What it holds stays; the new tables are there."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        command.upgrade(database.config_of(connection), "0001")
        connection.execute(sa.text("INSERT INTO remote VALUES ('hubspot', 'list', 'loyal', '101')"))
    engine.dispose()
    opened = open_store(url)
    try:
        assert Remembered(opened, "hubspot").all("list") == {"loyal": "101"}
        assert vetoes.counts(opened) == []
    finally:
        opened.close()


def test_a_label_of_any_length_is_remembered(store: Store) -> None:
    """Labels of lists may name products, and those may be long."""
    Remembered(store, "hubspot").put("list_wanted", "loyal", "x" * 400)
    assert Remembered(store, "hubspot").get("list_wanted", "loyal") == "x" * 400
