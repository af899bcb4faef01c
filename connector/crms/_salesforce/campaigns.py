"""Our lists in Salesforce are campaigns: made once, followed when renamed, brought back once when deleted."""

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simple_salesforce.format import format_soql

from connector.crms import BROUGHT_BACK, LOST, Remembered
from connector.crms._salesforce.answers import Answer, refused
from connector.crms._salesforce.api import Api, Sub
from connector.crms._salesforce.floor import Floor
from connector.crms._salesforce.undelete import undelete
from connector.crms._salesforce.verdicts import of_errors
from connector.crms._salesforce.within import good
from connector.errors import ListGone, RetryLater
from connector.mapping import Mapping as FieldMapping
from connector.model import Ensured, ListSpec

log = logging.getLogger(__name__)

CAMPAIGN = "campaign"
"""Under what we remember the id of a list."""
MARK = "campaign_mark"
"""The same of a campaign that we are about to make: the word in its description by which it is known as ours."""
DONE = "yes"
"""Remembered of a list that was brought back."""
LONGEST = 80
"""Characters of a campaign's name (Object reference, Campaign)."""
STATUS = {"Label": "Listed", "IsDefault": True, "HasResponded": False, "SortOrder": 3}
"""What our members are: a new campaign says `Sent` of them, and nobody has sent anything yet."""
_NOT_ALLOWED = frozenset({"INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS", "NOT_FOUND", "INVALID_TYPE"})
_NO_ROOM = frozenset({"STORAGE_LIMIT_EXCEEDED", "LIMIT_EXCEEDED"})


class NotMade(Exception):
    """Why a list is not there, and what to do about it."""


class Campaigns:
    """Finds and makes campaigns."""

    def __init__(self, api: Api, mapping: FieldMapping, remembered: Remembered, floor: Floor) -> None:
        self._api = api
        self._prefix = mapping.list_prefix
        self._remembered = remembered
        self._floor = floor

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """See `connector.ports.Destination.ensure`. Costs no call for lists whose id we remember."""
        ids: dict[str, str] = {}
        why_not: dict[str, str] = {}
        for each in lists:
            try:
                ids[each.name] = self._remembered.get(CAMPAIGN, each.name) or self._stand(each)
            except NotMade as why:
                why_not[each.name] = str(why)
        return Ensured(ids=ids, refused=why_not)

    def id(self, name: str) -> str:
        """The id of an ensured list. Raises ListGone for one that is not there."""
        if campaign := self._remembered.get(CAMPAIGN, name):
            return campaign
        raise ListGone(name)

    def gone(self, name: str) -> ListGone:
        """Note that a list was deleted: `ensure` brings it back, or says why not."""
        self._remembered.change(name, {LOST: self.id(name), CAMPAIGN: ""})
        return ListGone(name)

    def _stand(self, wanted: ListSpec) -> str:
        lost = self._remembered.get(LOST, wanted.name)
        campaign = self._brought_back(wanted.name, lost) if lost else None
        return self._kept(wanted.name, campaign or self._made(wanted), deleted_before=bool(lost))

    def _kept(self, name: str, campaign: str, *, deleted_before: bool) -> str:
        brought_back = {BROUGHT_BACK: DONE, LOST: ""} if deleted_before else {}
        self._remembered.change(name, {CAMPAIGN: campaign, MARK: "", **brought_back})
        return campaign

    def _brought_back(self, name: str, lost: str) -> str | None:
        """The id of a campaign that somebody deleted, once it stands again; None where a new one must be made."""
        if self._stands(lost):
            return lost
        if self._remembered.get(BROUGHT_BACK, name) == DONE:
            raise NotMade(
                "it was deleted in Salesforce a second time, so it stays deleted; remove it from audiences.yaml, or "
                f"bring it back: lamplighter retry --list {name}"
            )
        self._floor.add("restore campaigns", 1)
        undelete(self._api, lost)
        return lost if self._stands(lost) else None

    def _stands(self, campaign: str) -> bool:
        self._floor.add("look at campaigns", 1)
        return any(self._api.query(format_soql("SELECT Id FROM Campaign WHERE Id = {}", campaign)))

    def _made(self, wanted: ListSpec) -> str:
        self._floor.add(f"make campaign {wanted.name}", 2)
        return next(found for label in self._labels(wanted) if (found := self._called(wanted.name, label)))

    def _labels(self, wanted: ListSpec) -> Iterator[str]:
        label = self._prefix + wanted.label
        for end in ("", " (Lamplighter)", f" (Lamplighter, {wanted.name})"):
            yield label[: LONGEST - len(end)] + end[:LONGEST]
        raise NotMade(f"Salesforce has other campaigns called {label!r}; rename one of them, then: lamplighter retry")

    def _called(self, name: str, label: str) -> str | None:
        """The id of our campaign called `label`, made where it is not there; None where that name is another's.

        Its mark is written down first: if the run dies before it learns the id, the campaign is known by it.
        """
        mark = self._remembered.get(MARK, name)
        named = self._named(label)
        if mark and (ours := _marked(named, mark)):
            return ours
        if named:
            log.warning("Salesforce has a campaign of that name which is not ours; ours gets another: list=%s", name)
            return None
        return self._created(name, label, mark or self._new_mark(name))

    def _new_mark(self, name: str) -> str:
        mark = uuid.uuid4().hex[:12]
        self._remembered.put(MARK, name, mark)
        return mark

    def _named(self, label: str) -> list[Mapping[str, Any]]:
        return list(self._api.query(format_soql("SELECT Id, Description FROM Campaign WHERE Name = {}", label)))

    def _created(self, name: str, label: str, mark: str) -> str:
        """Make it, once: where the outcome is unknown, look for it instead of making another."""
        try:
            answers = self._api.composite(_making(name, label, mark), repeatable=False)
        except RetryLater:
            if ours := _marked(self._named(label), mark):
                return ours
            raise
        return self._made_id(answers.get("campaign"))

    def _made_id(self, answer: Answer | None) -> str:
        if answer is not None and answer.status >= 300:
            verdict = of_errors(answer.body)
            if verdict.code in _NOT_ALLOWED:
                raise NotMade(
                    f"the integration user may not make campaigns: {verdict.words}; tick Marketing User on it and "
                    "assign the permission set Lamplighter Connector, then: lamplighter retry"
                )
            if verdict.code in _NO_ROOM:
                raise NotMade(f"the org has no room for another campaign: {verdict.words}; then: lamplighter retry")
            if not verdict.passing:
                raise refused(answer.status, answer.body, "to make a campaign")
        return str(good(self._api, answer, "the making of a campaign").told("id")["id"])


def _marked(campaigns: Sequence[Mapping[str, Any]], mark: str) -> str | None:
    return next((str(one["Id"]) for one in campaigns if mark in (one.get("Description") or "")), None)


def _making(name: str, label: str, mark: str) -> list[Sub]:
    """A campaign, and a status for its members. Where statuses may not be made, Salesforce's own must do."""
    words = f"Kept by Lamplighter: who is in it follows the audience {name}. [{mark}]"
    campaign = {"Name": label, "Description": words, "IsActive": True}
    status = {"CampaignId": "@{campaign.id}", **STATUS}
    return [
        Sub(method="POST", path="sobjects/Campaign", reference="campaign", body=campaign),
        Sub(method="POST", path="sobjects/CampaignMemberStatus", reference="status", body=status),
    ]
