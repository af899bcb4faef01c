"""What every ad destination promises about privacy: no address, log, message or file name tells of a person."""

import logging

import pytest
from ad_bench import LAMPS, AdBench, change, keys

from connector.errors import LamplighterError
from connector.ports import AdDestination

WHO = ("buyer0@example.com", "buyer1@example.com", "+18005550100")


def secrets_of(destination: AdDestination) -> list[str]:
    """Whatever would tell of these people: what they are called, and any piece of a hash of it."""
    hashes = [destination.match("phone" if one[0] == "+" else "email", one) for one in WHO]
    digests = [key.partition(":")[2] for key in hashes if key]
    return [*WHO, *digests, *(text[:12] for text in digests)]


def test_nothing_tells_of_a_person(
    platform: AdBench, destination: AdDestination, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither where all goes well nor where everything fails; our logs are read down to the last detail."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    destination.ensure([LAMPS])
    people = keys(destination, 2)
    for trouble in ({}, {"status": 400}, {"status": 403}, {"status": 503}, {"drop": True}, {"cut": True}):
        if trouble and platform.over_http:
            platform.fault("", times=1_000, **trouble)
        for act in (
            lambda: destination.deliver(change(add=people)),
            lambda: destination.refresh(LAMPS.name, [people]),
            lambda: destination.erase(people),
            destination.confirm,
            destination.check,
        ):
            try:
                said.append(repr(act()) if act == destination.check else "")
            except LamplighterError as error:
                said.append(str(error))
        platform.works_again()
    told = "\n".join([*said, *platform.urls(), *(record.getMessage() for record in caplog.records)])
    assert [secret for secret in secrets_of(destination) if secret in told] == []
    assert "@" not in told


def test_nothing_is_kept_of_a_person(platform: AdBench, destination: AdDestination) -> None:
    """What an adapter remembers between runs holds no match key."""
    destination.ensure([LAMPS])
    people = keys(destination, 2)
    destination.deliver(change(add=people))
    destination.refresh(LAMPS.name, [people])
    kept = "\n".join(f"{name} {value}" for name, value in platform.kept.items())
    assert [one for one in people if one.partition(":")[2][:12] in kept] == []
