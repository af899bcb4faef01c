"""A home serves the account it began with: ids of contacts and lists mean other ones in any other account."""

from collections.abc import Iterator

import pytest
from hubspot_rig import LISTS, Rig, pulled, rigged

from connector.errors import RetryLater, SetupError
from connector.model import Delivery, ListSpec, Purpose

SPEC = ListSpec(name="vip", label="VIP", purpose=Purpose.EMAIL)
OTHER = {"portalId": 222, "accountType": "STANDARD"}


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A portal with a list, and an install that knows it."""
    with rigged() as rig:
        crm = rig.crm()
        crm.provision()
        crm.ensure([SPEC])
        yield rig


def another_token(rig: Rig) -> None:
    """The install is given another token; the same portal takes it."""
    rig.kept.put("account", "token", "digest of the one before")


def test_a_token_of_another_account_does_nothing(rig: Rig) -> None:
    """Neither pull nor push, and check says so with the way out: the list of that number is somebody else's there."""
    (contact,) = rig.contacts(1)
    another_token(rig)
    rig.fault("account-info", status=200, body=OTHER, times=9)
    rig.forget()
    crm = rig.crm()
    delivery = Delivery(id="1", destination="hubspot", kind="membership", audience="vip", add=[contact])
    for work in (lambda: pulled(crm, "contact"), lambda: crm.ensure([SPEC]), lambda: crm.deliver(delivery)):
        with pytest.raises(SetupError, match="account 222"):
            work()
    assert not [one for one in rig.requests() if LISTS in one["path"] or "/crm/objects" in one["path"]]
    assert any(not one.ok and "account 222" in one.detail and "--home" in one.fix for one in crm.check())


def test_a_new_token_of_the_same_account_is_asked_for_once(rig: Rig) -> None:
    """Rotated tokens go on after one call; from then on none is made for it."""
    another_token(rig)
    for calls in (1, 0):
        rig.forget()
        pulled(rig.crm(), "product")
        assert len(rig.requests("account-info")) == calls


def test_an_answer_without_a_number_is_believed_by_nobody(rig: Rig) -> None:
    """It is no other account, and not ours either."""
    another_token(rig)
    rig.fault("account-info", empty=True)
    with pytest.raises(RetryLater):
        pulled(rig.crm(), "product")


def test_trying_a_token_binds_to_nothing() -> None:
    """An admin may look at one account first, and connect another one before the first run."""
    with rigged() as rig:
        rig.crm().check()
        assert not rig.kept.all("account").keys() & {"portal"}
        rig.crm().forecast({})
        assert rig.kept.get("account", "portal")
