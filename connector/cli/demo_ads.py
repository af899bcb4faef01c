"""The ad platforms of a demo: a sandbox Google and a sandbox Meta, connected as an admin would, and what they show."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.cli import ads, connect_ads
from connector.cli.settings_file import set_part
from connector.cli.terminal import heading
from connector.home import open_home
from connector.pipeline.ads.overview import overview
from connector.sandbox.google_serve import SandboxGoogle
from connector.sandbox.meta_serve import SandboxMeta

SECRETS = {
    "client_secret": "LAMPLIGHTER_DEMO_GOOGLE_SECRET",
    "refresh_token": "LAMPLIGHTER_DEMO_GOOGLE_REFRESH",
    "token": "LAMPLIGHTER_DEMO_META_TOKEN",
}
"""Field of an account -> the variable of the environment that holds what the admin would paste."""


@dataclass(frozen=True, kw_only=True)
class AdAccount:
    """An ad account in a sandbox that answers, and what lets a client in: Google by an app, Meta by a token."""

    platform: connect_ads.Platform
    url: str
    account: str
    token_url: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def google_account(sandbox: SandboxGoogle) -> AdAccount:
    """The account of a sandbox Google."""
    known = sandbox.google.settings
    return AdAccount(
        platform="google",
        url=sandbox.url,
        account=known.account,
        token_url=sandbox.token_url,
        client_id=known.client_id,
        client_secret=known.client_secret,
        refresh_token=known.refresh_token,
    )


def meta_account(sandbox: SandboxMeta) -> AdAccount:
    """The account of a sandbox Meta."""
    return AdAccount(platform="meta", url=sandbox.url, account=sandbox.meta.settings.account, token=sandbox.token)


def connect(home: Path, accounts: Sequence[AdAccount]) -> None:
    """Name where each platform is, then do as `lamplighter connect` does, with secrets from the environment."""
    for each in accounts:
        for name, variable in SECRETS.items():
            if secret := getattr(each, name):
                os.environ[variable] = secret
        where = {"base_url": each.url, **({"token_url": each.token_url} if each.token_url else {})}
        set_part(home, connect_ads.GROUP, each.platform, where)
        connect_ads.connect(home, each.platform, _wish(each))


def _wish(account: AdAccount) -> connect_ads.Wish:
    if account.platform == "meta":
        return connect_ads.Wish(account=account.account, token_env=SECRETS["token"])
    return connect_ads.Wish(
        account=account.account,
        accept_terms=True,
        client_id=account.client_id,
        client_secret_env=SECRETS["client_secret"],
        token_env=SECRETS["refresh_token"],
    )


def found(home: Path) -> dict[str, Any]:
    """What `lamplighter ads --json` prints."""
    with open_home(home) as opened:
        return overview(opened)


def show(told: dict[str, Any]) -> None:
    """What `lamplighter ads` prints."""
    heading("lamplighter ads")
    ads.show(told)
