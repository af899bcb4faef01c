"""What check says of the account: its kind, tier, quota, clock, the API's version, and the SDK that reads it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version as package_version
from typing import Any

from connector.crms._hubspot.quota import Quota
from connector.crms._hubspot.transport import Transport
from connector.model import Finding

CURRENT = "2026-09"
SUPPORTED_MONTHS = 18
"""HubSpot supports a dated version for that long (developer platform, versioning)."""
WARNED = timedelta(days=90)
ASTRAY = timedelta(minutes=5)
"""Clocks that differ by more are wrong: tokens, windows of suppression and the account's midnight go by them."""
MILLION = 1_000_000
RAISED = 250
"""Calls in ten seconds with HubSpot's API limit increase, which adds a million a day (usage guidelines)."""
TIERS = {250_000: "Free or Starter", 625_000: "Professional", 650_000: "Professional", MILLION: "Enterprise"}
"""Calls a day of an account -> its tier (HubSpot, usage guidelines)."""


def kind(account: Mapping[str, Any]) -> Finding:
    """Whether this kind of account has a CRM at all."""
    told = str(account.get("accountType") or "STANDARD")
    detail = f"account {account.get('portalId')}, {told.replace('_', ' ').lower()}"
    if told != "APP_DEVELOPER":
        return Finding(ok=True, title="HubSpot account", detail=detail)
    fix = (
        "make the token in the account that holds your contacts (account menu, top right), lamplighter connect hubspot"
    )
    return Finding(ok=False, title="HubSpot account", detail=f"{detail}: it has no contacts", fix=fix)


def quota(transport: Transport) -> Finding:
    """What is used and left of the day's calls, and the other limits."""
    told, limits = transport.quota.told(), _limits(transport.quota)
    if told is None:
        detail = f"HubSpot does not tell the daily quota of {transport.tokens.kind}; {limits}"
        return Finding(ok=True, title="HubSpot quota", detail=detail)
    until = f"; the day ends at {told.resets_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if told.resets_at else ""
    detail = f"{told.limit - told.left:,} of {told.limit:,} calls used today, {told.left:,} left"
    if told.spare:
        return Finding(ok=True, title="HubSpot quota", detail=f"{detail}, {told.spare:,} of them ours{until}; {limits}")
    fix = "wait for the account's midnight, or lower hubspot.reserve_percent in lamplighter.yaml"
    return Finding(ok=False, title="HubSpot quota", detail=f"{detail}, all kept for others{until}", fix=fix)


def _limits(quota: Quota) -> str:
    ten = "unknown" if quota.ten_seconds is None else f"{quota.ten_seconds:,}"
    return f"{ten} calls in ten seconds, 5 searches a second for all apps together"


def tier(quota: Quota) -> Finding:
    """The subscription's tier, from its limits: HubSpot tells it no other way."""
    daily, ten = quota.budget.limit, quota.ten_seconds or 0
    if daily is None:
        return Finding(ok=True, title="HubSpot tier", detail="unknown: it is derived from the daily quota")
    detail = f"{_tier(daily, ten)}, as {daily:,} calls a day and {ten:,} in ten seconds tell"
    return Finding(ok=True, title="HubSpot tier", detail=detail)


def _tier(daily: int, ten: int) -> str:
    increases = (1, 2) if ten >= RAISED and daily > MILLION else ()
    for count in increases:
        if found := TIERS.get(daily - count * MILLION):
            return f"{found} with API limit increase"
    return TIERS.get(daily, "unknown")


def clock(transport: Transport) -> Finding:
    """Whether this machine's clock is HubSpot's."""
    apart = transport.clock.now() - transport.server.now()
    if abs(apart) <= ASTRAY:
        return Finding(ok=True, title="clock", detail="this machine's and HubSpot's agree")
    minutes = abs(apart) / timedelta(minutes=1)
    detail = f"this machine's is {minutes:,.0f} minutes {'ahead of' if apart > timedelta() else 'behind'} HubSpot's"
    return Finding(ok=False, title="clock", detail=detail, fix="set this machine's clock: timedatectl set-ntp true")


def version(named: str, today: date) -> Finding:
    """Until when the API's version is supported."""
    until = supported_until(named)
    if until is None:
        return Finding(ok=True, title="HubSpot API", detail=f"version {named}")
    detail = f"version {named}, supported until {until:%Y-%m}"
    if today + WARNED < until:
        return Finding(ok=True, title="HubSpot API", detail=detail)
    return Finding(ok=False, title="HubSpot API", detail=detail, fix=other_version(named))


def other_version(named: str) -> str:
    """How to leave a version that ends, or has ended."""
    if named == CURRENT:
        return "install a newer Lamplighter: pip install --upgrade lamplighter"
    return f'set hubspot.version to "{CURRENT}" in lamplighter.yaml, or leave it out'


def supported_until(version: str) -> date | None:
    """The month in which a dated version stops being supported; None for a version without a date."""
    try:
        start = datetime.strptime(version, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        return None
    months = start.year * 12 + start.month - 1 + SUPPORTED_MONTHS
    return date(months // 12, months % 12 + 1, 1)


def sdk() -> Iterator[Finding]:
    """Whether HubSpot's SDK works here: it broke with a urllib3 before."""
    try:
        import hubspot.crm.objects

        hubspot.crm.objects.BatchApi(hubspot.crm.objects.ApiClient())
    except Exception as error:  # whatever an import of other people's code raises
        detail = f"it does not start with urllib3 {package_version('urllib3')} ({type(error).__name__})"
        fix = "pip install --force-reinstall lamplighter"
        yield Finding(ok=False, title="HubSpot SDK", detail=detail, fix=fix)
