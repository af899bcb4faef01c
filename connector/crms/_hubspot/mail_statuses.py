"""Who unsubscribed from one kind of e-mail, asked of HubSpot's communication preferences by the hundred addresses.

Only Marketing Hub Enterprise has the batch read; all other accounts have the same answer in the contact's properties.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.crms._hubspot.answers import Refused, told
from connector.crms._hubspot.api import Api
from connector.crms._hubspot.floor import Floor
from connector.errors import SetupError

AT_ONCE = 100
"""Addresses to a call. HubSpot documents no maximum; that of its other batch reads."""
SCOPE = "communication_preferences.statuses.batch.read"
COLUMN, ALL = "subscription_opt_out", "email_opt_out"
OPTED_OUT = {"UNSUBSCRIBED": True, "SUBSCRIBED": False}
"""NOT_SPECIFIED stays unknown."""


class MailStatuses:
    """One subscription type of an account."""

    def __init__(self, api: Api, subscription: str, floor: Floor) -> None:
        self._api = api
        self._subscription = subscription
        self._floor = floor

    def filled(self, contacts: pa.Table) -> pa.Table:
        """Contact rows with `subscription_opt_out` as HubSpot knows it of their addresses now.

        Of an address that the answer leaves out nothing is known: `email_opt_out` is unknown then, too.

        Raises:
            SetupError: the account has no batch read.
            RetryLater: HubSpot answered with nothing.
        """
        emails = contacts["email"].to_pylist()
        out = self._opted_out(sorted({one for one in emails if one}))
        silent = pa.array([bool(one) and one not in out for one in emails], pa.bool_())
        of_all_mail = pc.if_else(silent, pa.scalar(None, pa.bool_()), contacts["email_opt_out"])
        return _with(_with(contacts, COLUMN, pa.array([out.get(one) for one in emails], pa.bool_())), ALL, of_all_mail)

    def _opted_out(self, emails: Sequence[str]) -> dict[str, bool | None]:
        found: dict[str, bool | None] = {}
        for at in range(0, len(emails), AT_ONCE):
            part = emails[at : at + AT_ONCE]
            self._floor.add("subscription statuses", len(part), per_call=AT_ONCE)
            found.update(self._asked(part))
        return found

    def _asked(self, emails: Sequence[str]) -> dict[str, bool | None]:
        results = told(self._read(emails), "a read of subscription statuses")
        spelled = {one.lower(): one for one in emails}
        return {
            spelled[each["subscriberIdString"].lower()]: OPTED_OUT.get(status["status"])
            for each in results
            for status in each.get("statuses") or []
            if str(status.get("subscriptionId")) == self._subscription and each["subscriberIdString"].lower() in spelled
        }

    def _read(self, emails: Sequence[str]) -> dict[str, Any]:
        try:
            return self._api.subscription_statuses(emails)
        except Refused as refused:
            if refused.status != 403:
                raise
            message = (
                f"HubSpot does not let us read subscription statuses in batches: {refused.words}; it takes Marketing "
                f"Hub Enterprise and the scope {SCOPE}"
            )
            hint = "set hubspot.subscription_status to properties in lamplighter.yaml, or add the scope"
            raise SetupError(message, hint=hint) from None


def _with(rows: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), column)
