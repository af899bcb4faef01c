"""Who is whom, case by case: each rule of `identity` with the smallest shop that shows it."""

from typing import Any

from small_seen import contact, event, link, on, seen

from connector.merge import identify


def people(**tables: list[dict[str, Any]]) -> dict[str, set[str]]:
    """person_id -> `type:value` of all its identifiers."""
    found: dict[str, set[str]] = {}
    for row in identify(seen(**tables)).person.to_pyarrow().to_pylist():
        found.setdefault(row["person_id"], set()).add(f"{row['identifier_type']}:{row['identifier']}")
    return found


def shared(**tables: list[dict[str, Any]]) -> set[str]:
    """`type:value` of identifiers that join nobody."""
    rows = identify(seen(**tables)).shared.to_pyarrow().to_pylist()
    return {f"{row['identifier_type']}:{row['identifier']}" for row in rows}


def contacts(found: dict[str, set[str]]) -> list[set[str]]:
    """The groups of contact keys."""
    prefix = "contact:"
    groups = [{one.removeprefix(prefix) for one in group if one.startswith(prefix)} for group in found.values()]
    return sorted((group for group in groups if group), key=sorted)


ANN, BOB = contact("hubspot:1", email="ann@x.test"), contact("hubspot:2", email="bob@x.test")


def test_one_mailbox_is_one_person() -> None:
    """The same e-mail joins contacts across CRMs, whatever its case, first or further."""
    found = people(
        contact=[
            ANN,
            contact("salesforce:7", email=" Ann@X.TEST "),
            contact("salesforce:8", other_emails="old@x.test;ann@x.test"),
            BOB,
        ]
    )
    assert contacts(found) == [{"hubspot:1", "salesforce:7", "salesforce:8"}, {"hubspot:2"}]
    assert {"email:ann@x.test", "email:old@x.test"} <= found["hubspot:1"]


def test_a_merged_contact_stays_its_persons() -> None:
    """Tombstones and deleted contacts are identifiers of their person, so that orders on old ids count."""
    found = people(
        contact=[
            contact("hubspot:1", email="ann@x.test", merged_into="hubspot:3"),
            contact("hubspot:2", email="b@x.test", merged_into="hubspot:3"),
            contact("hubspot:3", email="c@x.test", created_at=on("2026-03-01")),
            contact("hubspot:4", email="c@x.test", deleted_at=on("2026-02-01"), created_at=on("2026-02-01")),
            contact("hubspot:5", merged_into="hubspot:unseen"),
        ]
    )
    assert contacts(found) == [
        {"hubspot:1", "hubspot:2", "hubspot:3", "hubspot:4"},
        {"hubspot:5", "hubspot:unseen"},
    ]
    assert set(found) == {"hubspot:1", "hubspot:5"}


def test_who_is_gone_makes_no_one_of_two_who_live() -> None:
    """A deleted contact with two mailboxes is the person's who has one of them now, and nobody's where two have."""
    dead = contact("hubspot:9", email="a@x.test", other_emails="b@x.test", deleted_at=on("2026-02-01"))
    ann, ben = contact("hubspot:1", email="a@x.test"), contact("hubspot:2", email="b@x.test")
    assert contacts(people(contact=[dead, ann])) == [{"hubspot:1", "hubspot:9"}]
    apart = people(contact=[dead, ann, ben])
    assert contacts(apart) == [{"hubspot:1"}, {"hubspot:2"}, {"hubspot:9"}]
    assert "email:a@x.test" in apart["hubspot:1"] and "email:b@x.test" in apart["hubspot:2"]


def test_merges_in_a_circle_end() -> None:
    """Contradicting tombstones are one person, not an endless chain."""
    circle = [contact(f"hubspot:{n}", merged_into=f"hubspot:{(n + 1) % 3}") for n in range(3)]
    assert contacts(people(contact=circle)) == [{"hubspot:0", "hubspot:1", "hubspot:2"}]


def test_a_person_is_called_after_its_oldest_contact() -> None:
    """By creation, then by key; a contact without a date comes last."""
    same = {"email": "ann@x.test"}
    found = people(
        contact=[
            contact("hubspot:1", created_at=None, **same),
            contact("hubspot:3", created_at=on("2025-05-05"), **same),
            contact("hubspot:2", created_at=on("2025-05-05"), **same),
        ]
    )
    assert set(found) == {"hubspot:2"}


def test_a_user_id_joins_across_crms() -> None:
    """Unless two persons of one CRM hold it: then it joins nobody and is shared."""
    one = contact("hubspot:1", email="ann@x.test", user_id="u7")
    other = contact("salesforce:1", email="ann@work.test", user_id="u7")
    second = contact("hubspot:2", email="bob@x.test", user_id="u7")
    assert contacts(people(contact=[one, other])) == [{"hubspot:1", "salesforce:1"}]
    assert len(contacts(people(contact=[one, other, second]))) == 3
    assert shared(contact=[one, other, second]) == {"user_id:u7"}


def test_the_id_of_another_crms_record_joins() -> None:
    """HubSpot names its contact in Salesforce: one person, whatever else differs; merged ones too."""
    there = contact("salesforce:003A", email="ann@work.test")
    here = contact("hubspot:1", email="ann@x.test", same_as="salesforce:003A")
    assert contacts(people(contact=[here, there, BOB])) == [{"hubspot:1", "salesforce:003A"}, {"hubspot:2"}]
    merged = [{**there, "merged_into": "salesforce:003B"}, contact("salesforce:003B", email="a@work.test")]
    assert contacts(people(contact=[here, *merged])) == [{"hubspot:1", "salesforce:003A", "salesforce:003B"}]


def test_a_record_that_two_persons_claim_joins_neither() -> None:
    """A copied id is no proof: both stay persons of their own, and the record's e-mail still says whose it is."""
    claims = [contact(f"hubspot:{n}", email=f"{n}@x.test", same_as="salesforce:003A") for n in (1, 2)]
    there = contact("salesforce:003A", email="2@x.test")
    assert contacts(people(contact=[*claims, there])) == [{"hubspot:1"}, {"hubspot:2", "salesforce:003A"}]
    assert contacts(people(contact=[contact("hubspot:1", same_as="salesforce:gone")])) == [{"hubspot:1"}]


def test_a_phone_joins_only_who_has_no_mailbox() -> None:
    """Two mailboxes behind one phone are a household, not a person; so are two contacts of one CRM."""
    ann = contact("hubspot:1", email="ann@x.test", phone="+441")
    nameless = contact("salesforce:1", phone="+441")
    named = contact("salesforce:2", email="sam@x.test", phone="+441")
    assert contacts(people(contact=[ann, nameless])) == [{"hubspot:1", "salesforce:1"}]
    assert len(contacts(people(contact=[ann, named]))) == 2
    assert len(contacts(people(contact=[ann, contact("hubspot:2", phone="+441")]))) == 2
    assert shared(contact=[ann, named]) == {"phone:+441"}


def test_a_device_belongs_to_the_one_person_it_was_seen_with() -> None:
    """Through an e-mail or a user id; its earlier events are that person's, too."""
    found = people(
        contact=[{**ANN, "user_id": "u1"}],
        identity_link=[link("anonymous_id:a1", "user_id:u1"), link("email:ANN@x.test", "anonymous_id:a2")],
        interaction=[event("e1", "view", "anonymous_id:a1", "p", "2025-01-01")],
    )
    assert found == {
        "hubspot:1": {"contact:hubspot:1", "email:ann@x.test", "user_id:u1", "anonymous_id:a1", "anonymous_id:a2"}
    }


def test_a_device_of_two_persons_joins_nobody() -> None:
    """Not its persons to each other, and not itself to either."""
    links = [link("anonymous_id:a1", "email:ann@x.test"), link("anonymous_id:a1", "email:bob@x.test")]
    assert contacts(people(contact=[ANN, BOB], identity_link=links)) == [{"hubspot:1"}, {"hubspot:2"}]
    assert shared(contact=[ANN, BOB], identity_link=links) == {"anonymous_id:a1"}


def test_an_unknown_mailbox_is_another_person() -> None:
    """An e-mail or user id that no contact has stands for somebody, also when a device is shared with them."""
    links = [link("anonymous_id:a1", "email:ann@x.test"), link("anonymous_id:a1", "email:eve@x.test")]
    found = people(contact=[ANN], identity_link=links)
    assert found["email:eve@x.test"] == {"email:eve@x.test"}
    assert shared(contact=[ANN], identity_link=links) == {"anonymous_id:a1"}
    alone = people(interaction=[event("e1", "view", "user_id:u9", "p", "2026-01-01")])
    assert alone == {"user_id:u9": {"user_id:u9"}}


def test_a_user_id_seen_with_a_known_mailbox_is_its_persons() -> None:
    """Sites that send both need no customer number in the CRM; one seen with two mailboxes is shared."""
    both = [link("user_id:u5", "email:ann@x.test"), link("user_id:u5", "anonymous_id:a1")]
    found = people(contact=[ANN], identity_link=both)
    assert found["hubspot:1"] == {"contact:hubspot:1", "email:ann@x.test", "user_id:u5", "anonymous_id:a1"}
    disputed = [*both, link("user_id:u5", "email:bob@x.test")]
    assert shared(contact=[ANN, BOB], identity_link=disputed) == {"user_id:u5"}


def test_a_customer_number_in_the_crm_outweighs_what_was_typed() -> None:
    """A contact's user id stays its own, whatever e-mail was seen with it."""
    ann = {**ANN, "user_id": "u1"}
    found = people(contact=[ann, BOB], identity_link=[link("user_id:u1", "email:bob@x.test")])
    assert "user_id:u1" in found["hubspot:1"]


def test_nothing_seen_is_nobody() -> None:
    """An empty home has no persons, and no error."""
    assert people() == {}


def test_an_email_no_contact_has_belongs_to_whose_user_id_it_was_seen_with() -> None:
    """A customer signs in with a new address the CRM does not know yet: the device is still hers."""
    tables = {
        "contact": [contact("hubspot:1", email="old@x.test", user_id="u1")],
        "identity_link": [
            link("anonymous_id:a", "user_id:u1"),
            link("anonymous_id:a", "email:new@x.test"),
            link("user_id:u1", "email:new@x.test"),
        ],
    }
    assert people(**tables)["hubspot:1"] >= {"email:new@x.test", "anonymous_id:a"}
    assert shared(**tables) == set()


def test_an_email_no_contact_has_seen_with_two_customers_joins_nobody() -> None:
    """Two user ids of two contacts, one unknown address: it is shared."""
    tables = {
        "contact": [contact("hubspot:1", user_id="u1"), contact("hubspot:2", user_id="u2")],
        "identity_link": [link("user_id:u1", "email:new@x.test"), link("user_id:u2", "email:new@x.test")],
    }
    assert shared(**tables) == {"email:new@x.test"}


def with_history(now: list[dict[str, Any]], before: list[dict[str, Any]], **tables: list[dict[str, Any]]) -> set[str]:
    """`person_id type:value` of everybody, where contacts once were as in `before`."""
    versions = seen(contact=[*before, *now]).contact
    rows = identify(seen(contact=now, **tables), versions).person.to_pyarrow().to_pylist()
    return {f"{row['person_id']} {row['identifier_type']}:{row['identifier']}" for row in rows}


def test_an_address_a_contact_had_before_stays_its_persons() -> None:
    """Events under the old address, and devices seen with it, do not become another person's."""
    now = contact("hubspot:1", email="new@x.test")
    found = with_history([now], [ANN], identity_link=[link("anonymous_id:d", "email:ann@x.test")])
    assert found == {
        *("hubspot:1 contact:hubspot:1", "hubspot:1 email:new@x.test"),
        *("hubspot:1 email:ann@x.test", "hubspot:1 anonymous_id:d"),
    }


def test_an_address_that_somebody_else_has_now_is_theirs() -> None:
    """A former address joins no contacts; whoever holds it now owns it alone; of two former owners it is neither's."""
    now = [contact("hubspot:1", email="new@x.test"), contact("hubspot:2", email="ann@x.test")]
    assert "hubspot:2 email:ann@x.test" in with_history(now, [ANN])
    assert "hubspot:1 email:ann@x.test" not in with_history(now, [ANN])
    parted = [contact("hubspot:1", email="one@x.test"), contact("hubspot:2", email="two@x.test")]
    both = with_history(parted, [ANN, contact("hubspot:2", email="ann@x.test")])
    assert not any(one.endswith("email:ann@x.test") for one in both)
