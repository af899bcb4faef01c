"""What a marketer does by hand with the campaigns that we keep in Salesforce."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from life import Kept, Marketer
from org_events import OrgHistory

MEMBERS = "SELECT CampaignId, ContactId FROM CampaignMember WHERE IsDeleted = 0"
ONE = "SELECT Id FROM CampaignMember WHERE CampaignId = ? AND ContactId = ? AND IsDeleted = 0"


class OrgMarketer(Marketer):
    """Works on campaigns, and writes down who responded."""

    works = (*Marketer.works, "hear", "hear")
    most = 6
    history: OrgHistory

    def all_lists(self) -> Sequence[Kept]:
        """The campaigns of the org."""
        state, inside = self.sandbox.org.state, defaultdict(set)
        for campaign, contact in state.rows(MEMBERS):
            inside[campaign].add(contact)
        named = state.rows("SELECT Name, Id FROM Campaign WHERE IsDeleted = 0")
        return [Kept(name, id, frozenset(inside[id])) for name, id in named]

    def call(self, one: Kept, name: str) -> None:
        """Give a campaign another name."""
        self.sandbox.levers["update"]("Campaign", one.id, {"Name": name})

    def throw_away(self, one: Kept) -> None:
        """Put a campaign into the recycle bin."""
        self.sandbox.levers["delete"]("Campaign", one.id)

    def change(self, one: Kept, add: Sequence[str], remove: Sequence[str]) -> None:
        """Put contacts in and take contacts out; who is put in has not responded, whatever was before."""
        first = self.history.first_name(one.name)
        self.history.responded -= {(first, contact) for contact in (*add, *remove)}
        for contact in add:
            self.sandbox.levers["insert"]("CampaignMember", {"CampaignId": one.id, "ContactId": contact})
        for contact in remove:
            self.sandbox.levers["delete"]("CampaignMember", self._member(one, contact))

    def hear(self, one: Kept, known: Sequence[str], contacts: Sequence[str]) -> None:
        """Some members answered."""
        for contact in self.random.sample(known, min(len(known), 3)):
            self.sandbox.levers["update"]("CampaignMember", self._member(one, contact), {"Status": "Responded"})
            self.history.responded.add((self.history.first_name(one.name), contact))

    def put_in_amid_a_push(self, contacts: Sequence[str]) -> None:
        """Somebody is put in just before we would, and is a duplicate for us; if nobody has them locked."""
        lists, self.by_hand = self.lists(), True
        with suppress(ValueError):
            self.put_in(self.random.choice(lists), [], contacts)

    def responses_lost(self) -> list[str]:
        """Members who responded and whose status does not say so any more."""
        sql = ONE.replace("Id FROM", "HasResponded FROM")
        found = []
        for one in self.lists():
            first = self.history.first_name(one.name)
            for contact in sorted(one.members):
                if (first, contact) in self.history.responded and not self._value(sql, one.id, contact):
                    found.append(f"{contact} has responded to {first}, and is a member like any other")
        return found

    def _member(self, one: Kept, contact: str) -> str:
        return str(self._value(ONE, one.id, contact))

    def _value(self, sql: str, *values: Any) -> Any:
        return self.sandbox.org.state.value(sql, *values)
