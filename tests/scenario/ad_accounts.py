"""A lamp shop that advertises at a sandbox Google and a sandbox Meta, and who is in which of its audiences there."""

from importlib.resources import files
from typing import Any

from lamp_install import Shop

from connector.ads._identifiers import key_of_hex
from connector.cli.settings_file import append
from connector.home import open_home
from connector.sandbox.google_serve import SandboxGoogle
from connector.sandbox.meta_serve import SandboxMeta
from connector.store import runs

SECRETS = {"SCENARIO_SECRET": "client_secret", "SCENARIO_REFRESH": "refresh_token"}
META = "SCENARIO_META_TOKEN"
SETTINGS = """
ads:
  google:
    account: "{account}"
    oauth: {{client_id: {client}, client_secret: env:SCENARIO_SECRET, refresh_token: env:SCENARIO_REFRESH}}
    terms_accepted: true
    base_url: {google}
    token_url: {tokens}
  meta: {{account: "4711", token: env:SCENARIO_META_TOKEN, base_url: {meta}}}
"""


class Advertising:
    """Both ad accounts and the shop's install on them; a context manager."""

    def __init__(self, shop: Shop, environment: Any) -> None:
        self.shop, self.google, self.meta = shop, SandboxGoogle(), SandboxMeta()
        self.environment = environment

    def __enter__(self) -> "Advertising":
        self.google.start()
        self.meta.start()
        known = self.google.google.settings
        for name, field in SECRETS.items():
            self.environment.setenv(name, getattr(known, field))
        self.environment.setenv(META, self.meta.token)
        addresses = {"google": self.google.url, "tokens": self.google.token_url, "meta": self.meta.url}
        append(self.shop.home, SETTINGS.format(account=known.account, client=known.client_id, **addresses))
        packaged = (files("mappings") / "audiences.yaml").read_text("utf-8")
        (self.shop.home / "mappings").mkdir(exist_ok=True)
        few = packaged.replace("# smallest: 100", "smallest: 1").replace("most: 20", "most: 100")  # it is a small shop
        (self.shop.home / "mappings" / "audiences.yaml").write_text(few)
        return self

    def __exit__(self, *_: object) -> None:
        self.google.stop()
        self.meta.stop()

    def keys_of(self, email: str) -> dict[str, str]:
        """Platform -> the match key of an address there."""
        with open_home(self.shop.home) as opened:
            return {each.name: str(each.match("email", email)) for each in opened.ads}

    def groups(self) -> dict[str, dict[str, Any]]:
        """Platform -> key of a group -> its row."""
        with open_home(self.shop.home) as opened:
            full = runs.latest(opened.store, decided=True, full=True)[0].number
            rows = opened.warehouse.figure("ad_group", full).to_pyarrow().to_pylist()
        return {name: {row["key"]: row for row in rows if row["destination"] == name} for name in ("google", "meta")}

    def holders(self, email: str) -> dict[str, set[str]]:
        """Platform -> labels of our audiences that hold an address, as the platform has them."""
        keys, meta = self.keys_of(email), self.meta.meta
        theirs = {
            one["name"]: {_key(each) for each in meta.members(str(one["id"]))} for one in meta.account.audiences()
        }
        lists = self.google.google.state()["lists"]
        ours = {one["name"]: {_raw(each) for each in self.google.google.members(id)} for id, one in lists.items()}
        return {
            "google": {name for name, held in ours.items() if keys["google"] in held},
            "meta": {name for name, held in theirs.items() if keys["meta"] in held},
        }

    def writes(self) -> int:
        """Changes at both platforms so far; those for tokens are none."""
        tokens = self.google.journal.counts()["operations"].get("POST /token", 0)
        return int(self.google.journal.counts()["writes"] + self.meta.journal.counts()["writes"]) - tokens


def _key(identifier: str) -> str:
    kind, _, digest = identifier.partition(":")
    return key_of_hex(kind, digest)


def _raw(identifier: bytes) -> str:
    return key_of_hex("email" if identifier[:1] == b"e" else "phone", identifier[1:].hex())
