"""A million buyers told to Google and Meta: calls, seconds and memory of the first fill, of a full refresh and of a
small change; killed in mid-push, and whether both end with exactly the people who are wanted."""

import base64
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import large_shop
from connector.cli.demo import peak_memory_mb
from connector.cli.init import create
from connector.cli.settings_file import append
from connector.home import open_home
from connector.pipeline import Options, run
from connector.sandbox.google_serve import SandboxGoogle
from connector.sandbox.meta_serve import SandboxMeta
from connector.store import runs

MILLION, FAMILIES = 1_000_000, 10
NEWS = 1_000
"""One person of so many has news in the last pass: half of these withdraw, half buy something else."""
NOW = datetime(2026, 11, 1, tzinfo=UTC)
LATELY = "Bought anything in 14 days"
KILLED_AT = {"google": (3, 40), "meta": (2, 61)}
"""Platform -> in which write the process is killed, one kill after the other; of a million people."""
SECRETS = {"MILLION_SECRET": "client_secret", "MILLION_REFRESH": "refresh_token"}
SETTINGS = """
ads:
  google:
    account: "{account}"
    oauth: {{client_id: {client}, client_secret: env:MILLION_SECRET, refresh_token: env:MILLION_REFRESH}}
    terms_accepted: true
    base_url: {google}
    token_url: {tokens}
  meta: {{account: "4711", token: env:MILLION_META, base_url: {meta}}}
"""
Keys = set[bytes]


def shop(people: int) -> dict[str, tuple[int, str]]:
    """Table -> how many rows, and what stands in row `n`: everybody has granted ads and bought one thing."""
    before = "TIMESTAMPTZ '2026-11-01 00:00:00Z' - to_days((20 + n % 60)::INTEGER)"
    return {
        "contact": (
            people,
            """'crm:' || n AS key, TIMESTAMPTZ '2026-01-01' AS version, 'crm' AS crm, n::VARCHAR AS crm_id,
            'person' || n || '@example.com' AS email, 'GB' AS country, version AS created_at, version AS updated_at,
            TRUE AS ads_consent""",
        ),
        "product": (
            FAMILIES,
            """'feed:P' || n AS key, TIMESTAMPTZ '2026-01-01' AS version, 'feed' AS source, 'P' || n AS product_id,
            'Product ' || n AS title, 'Home > Type ' || n AS product_type, 20::DECIMAL(18, 4) AS price,
            'EUR' AS currency, 'in_stock' AS availability, FALSE AS sensitive""",
        ),
        "order_header": (
            people,
            f"""'crm:O' || n AS key, {before} AS version, 'O' || n AS order_id, 'crm:' || n AS contact_key,
            version AS ordered_at, 'fulfilled' AS status, 'EUR' AS currency""",
        ),
        "order_line": (
            people,
            f"""'crm:L' || n AS key, TIMESTAMPTZ '2026-01-01' AS version, 'crm:O' || n AS order_key,
            'P' || n % {FAMILIES} AS product_id, 1::DECIMAL(18, 4) AS quantity, 20::DECIMAL(18, 4) AS unit_price""",
        ),
    }


def news(people: int, at: str) -> dict[str, tuple[int, str]]:
    """The same of the news: of each 2,000 people the first withdraws, and the second buys the next product."""
    count = people // NEWS // 2
    who = f"(n * {2 * NEWS})"
    return {
        "contact": (
            count,
            f"""'crm:' || {who} AS key, TIMESTAMPTZ '{at}' AS version, 'crm' AS crm, {who}::VARCHAR AS crm_id,
            'person' || {who} || '@example.com' AS email, 'GB' AS country, TIMESTAMPTZ '2026-01-01' AS created_at,
            version AS updated_at, FALSE AS ads_consent""",
        ),
        "order_header": (
            count,
            f"""'crm:N' || n AS key, TIMESTAMPTZ '{at}' AS version, 'N' || n AS order_id,
            'crm:' || ({who} + 1) AS contact_key, version AS ordered_at, 'fulfilled' AS status, 'EUR' AS currency""",
        ),
        "order_line": (
            count,
            f"""'crm:M' || n AS key, TIMESTAMPTZ '{at}' AS version, 'crm:N' || n AS order_key,
            'P' || ({who} + 2) % {FAMILIES} AS product_id, 1::DECIMAL(18, 4) AS quantity,
            20::DECIMAL(18, 4) AS unit_price""",
        ),
    }
