"""HubSpot's paths: undated ones become dated ones, and each tells which of the account's limits it counts against."""

import re

GENERAL, SEARCH, ASSOCIATIONS, EXEMPT = "general", "search", "associations", "exempt"

_UNDATED = (
    (re.compile(r"^/crm/v\d+/([\w-]+)"), r"/crm/\1/"),
    (re.compile(r"^/(oauth|account-info|communication-preferences)/v\d+(?=/)"), r"/\1/"),
)
"""Undated beginnings, as the SDK has them, and what stands before the version in the dated ones."""
_LEFT = re.compile(r"^/[\w-]+/v\d+(/|$)")
_READS = re.compile(r"/(search|batch/read|introspect|token)$")
_PRIVATE = re.compile(r"/\d+(?=/|$)|(?<=/name)/.+")


def dated(path: str, version: str) -> str:
    """The same operation under a dated version. Raises ValueError for an undated path that has no dated twin here."""
    for undated, before in _UNDATED:
        path = undated.sub(before + version, path)
    if _LEFT.match(path):
        raise ValueError(f"no dated path is known for {anonymous(path)}")
    return path


def bucket(path: str) -> str:
    """The limit that a call of this path counts against (HubSpot, usage guidelines and association API).

    The webhooks journal is exempt from them all.
    """
    if path.startswith("/webhooks-journal/"):
        return EXEMPT
    if path.endswith("/search") and path.startswith("/crm/objects/"):
        return SEARCH
    return ASSOCIATIONS if path.startswith("/crm/associations/") else GENERAL


def anonymous(path: str) -> str:
    """A path for logs and messages: no ids, no names."""
    return _PRIVATE.sub("/…", path)


def reads(method: str, path: str) -> bool:
    """Searches, batch reads and questions about tokens are reads, although they travel as POST."""
    return method == "GET" or bool(_READS.search(path))
