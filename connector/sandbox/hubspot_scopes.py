"""Which scopes a call needs: groups of which each must be met by one scope of the token."""

from collections.abc import Callable, Sequence

from connector.sandbox.exchange import Call
from connector.sandbox.hubspot_types import KNOWN, object_type

Need = Callable[[Call], Sequence[Sequence[str]]]

_NAMED = {kind.name for kind in KNOWN}
_COMMERCE = ("line_items", "products", "orders", "carts", "quotes")

_JOURNAL = "developer.webhooks_journal"
JOURNAL = frozenset(
    {
        f"{_JOURNAL}.read",
        *(f"{_JOURNAL}.{what}.{right}" for what in ("subscriptions", "snapshots") for right in ("read", "write")),
    }
)
"""What an app may do with its own token, got by client credentials; a token of an account never may."""


def objects(right: str) -> Need:
    """`crm.objects.<type>.<right>` of the path's type."""
    return lambda call: [_object_scopes(call.params.get("type") or call.params["from"], right)]


def schemas(right: str) -> Need:
    """`crm.schemas.<type>.<right>`; to read them, being allowed to read the objects is enough."""

    def need(call: Call) -> Sequence[Sequence[str]]:
        name = _name(call.params["type"])
        either = _object_scopes(call.params["type"], right) if right == "read" else []
        return [[f"crm.schemas.{name}.{right}", *either]]

    return need


def lists(*, memberships: bool = False, write: bool = False) -> Need:
    """Lists; changing who is in one also needs the right to write contacts, though no page says so.

    Source: RudderStack's HubSpot Audience documentation.
    """
    groups = [[f"crm.lists.{'write' if write else 'read'}"]]
    if memberships and write:
        groups.append(["crm.objects.contacts.write"])
    return lambda call: groups


def _object_scopes(type_name: str, right: str) -> list[str]:
    name = _name(type_name)
    if name == "tickets":
        return ["tickets"]
    return [f"crm.objects.{name}.{right}", *(["e-commerce"] if name in _COMMERCE else [])]


def _name(type_name: str) -> str:
    kind = object_type(type_name)
    return kind.name if kind and kind.name in _NAMED else "custom"


def journal(right: str) -> Need:
    """`developer.webhooks_journal.<right>`."""
    return lambda call: [[f"{_JOURNAL}.{right}"]]
