"""Who is in our campaigns: members made and deleted by the thousand, and every one accounted for."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from connector.crms import Remembered
from connector.crms._salesforce import bulk_query
from connector.crms._salesforce.alive import alive
from connector.crms._salesforce.answers import Answer
from connector.crms._salesforce.api import HEAVY, PAGE, Api, Sub, page_of
from connector.crms._salesforce.book import Book
from connector.crms._salesforce.campaigns import Campaigns
from connector.crms._salesforce.collections_out import Change, Row
from connector.crms._salesforce.floor import Floor
from connector.crms._salesforce.records import listed, parts, usable
from connector.crms._salesforce.sending import Sending
from connector.crms._salesforce.verdicts import GONE, NO_ID, Verdict
from connector.crms._salesforce.within import good
from connector.errors import RetryLater
from connector.model import Delivery, Receipt

MEMBER = "CampaignMember"
ADD = Change(method="POST", name=MEMBER, key="ContactId")
REMOVE = Change(method="DELETE", name=MEMBER)
LOOKED_UP = 400
"""Contacts to a query: the address of a query holds 16,384 characters (REST API guide, status 414)."""
RESPONDED = "responded"
"""Under what we remember the status of somebody who had responded when they left a campaign."""
NOT_HELD = "Salesforce does not hold this wish"


def forget(remembered: Remembered, contacts: Collection[str]) -> None:
    """Remember nothing more of contacts that were erased."""
    for name in remembered.all(RESPONDED) if contacts else ():
        if name.partition(":")[2] in contacts:
            remembered.put(RESPONDED, name, "")


@dataclass(frozen=True, kw_only=True)
class Member:
    """One contact in a campaign, which a merge may have left there twice. `status` is that of one who has responded,
    else empty."""

    ids: tuple[str, ...]
    status: str

    def and_also(self, other: "Member") -> "Member":
        """Both rows of one contact."""
        return Member(ids=self.ids + other.ids, status=self.status or other.status)


class Members:
    """Changes and reads who is in a campaign."""

    def __init__(self, api: Api, campaigns: Campaigns, sending: Sending, remembered: Remembered, floor: Floor) -> None:
        self._api = api
        self._campaigns = campaigns
        self._sending = sending
        self._remembered = remembered
        self._floor = floor

    def deliver(self, delivery: Delivery) -> Receipt:
        """Put people in and take people out. See `connector.ports.Destination.deliver`."""
        self._campaigns.id(delivery.audience)
        book = Book(delivery)
        self._sending.settle()
        self._reject_odd(book)
        self._remove(delivery.audience, book)
        self._add(delivery.audience, book)
        if book.open:
            raise RetryLater(
                f"Salesforce left out {len(book.open):,} changes of list {delivery.audience}", hint="lamplighter run"
            )
        return book.receipt()

    def read_back(self, delivery: Delivery) -> Receipt:
        """Which of the wishes hold. See `connector.ports.Destination.read_back`."""
        book = Book(delivery)
        self._sending.settle()
        self._enter(delivery.audience, book, list(book.open))
        for one in list(book.open):
            book.reject(one, NOT_HELD)
        return book.receipt()

    def _reject_odd(self, book: Book) -> None:
        """Who cannot be a contact is in no campaign, and will be in none."""
        known = set(usable(book.open))
        for one in [one for one in book.open if one not in known]:
            if book.open[one]:
                book.reject(one, NO_ID)
            else:
                book.holds(one)

    def _remove(self, audience: str, book: Book) -> None:
        """Members are deleted by their own ids, which are looked up: who is none is out already."""
        leaving = book.wanted(False)
        if not leaving:
            return
        inside = self._inside(audience, leaving)
        for one in [one for one in leaving if one not in inside]:
            book.holds(one)
        self._keep_status(audience, inside)
        told = self._sending.send(REMOVE, {id: {} for member in inside.values() for id in member.ids})
        for one, member in inside.items():
            left = [told.get(id) for id in member.ids]
            left = [verdict for verdict in left if not (verdict and (verdict.done or verdict.absent))]
            if not left:
                book.holds(one)
            elif all(verdict and not verdict.passing for verdict in left):
                book.reject(one, next(verdict.words for verdict in left if verdict))
        self._enter(audience, book, book.wanted(False))

    def _add(self, audience: str, book: Book) -> None:
        coming = book.wanted(True)
        if not coming:
            return
        told = self._sending.send(ADD, self._rows(audience, coming))
        for one in [one for one in coming if one in told and told[one].done]:
            book.holds(one)
        self._judge(audience, book, told)

    def _rows(self, audience: str, contacts: Sequence[str]) -> dict[str, Row]:
        """A row for each. Who responded before they left has responded still; others get the campaign's default."""
        campaign, kept = self._campaigns.id(audience), self._remembered.all(RESPONDED)
        rows: dict[str, Row] = {one: {"CampaignId": campaign, "ContactId": one} for one in contacts}
        return {
            one: {**row, "Status": status} if (status := kept.get(f"{campaign}:{one}")) else row
            for one, row in rows.items()
        }

    def _keep_status(self, audience: str, inside: Mapping[str, Member]) -> None:
        campaign, kept = self._campaigns.id(audience), self._remembered.all(RESPONDED)
        for one, member in inside.items():
            if member.status != kept.get(key := f"{campaign}:{one}", ""):
                self._remembered.put(RESPONDED, key, member.status)

    def _judge(self, audience: str, book: Book, told: Mapping[str, Verdict]) -> None:
        """Look at those who were not simply added: who is in already, whose contact is gone, who was left out.

        Raises ListGone where it is the campaign that is gone.
        """
        self._enter(audience, book, doubtful := book.wanted(True))
        refused = [one for one in doubtful if one in book.open and one in told and not told[one].passing]
        there = alive(self._api, self._floor, refused)
        for one in refused:
            book.reject(one, told[one].words if one in there else GONE)

    def _enter(self, audience: str, book: Book, members: Sequence[str]) -> None:
        """Enter those of the open ones whose wish holds now."""
        inside = self._inside(audience, members)
        for one in members:
            if (one in inside) == book.open[one]:
                book.holds(one)

    def _inside(self, audience: str, contacts: Sequence[str]) -> dict[str, Member]:
        """Those of `contacts` that are in a campaign. Raises ListGone where it is not there."""
        found: dict[str, Member] = {}
        chunks = parts(known := usable(contacts), LOOKED_UP)
        if known:
            self._floor.add("look up members", len(known), per_call=LOOKED_UP * (HEAVY - 1))
        for chunk in parts(chunks, HEAVY - 1):
            for one, member in self._looked_up(audience, chunk):
                found[one] = found[one].and_also(member) if one in found else member
        return found

    def _looked_up(self, audience: str, chunks: Sequence[Sequence[str]]) -> Iterator[tuple[str, Member]]:
        campaign = self._campaigns.id(audience)
        fields = "SELECT Id, ContactId, Status, HasResponded FROM CampaignMember"
        queries = [f"{fields} WHERE CampaignId = '{campaign}' AND ContactId IN {listed(chunk)}" for chunk in chunks]
        for answer in self._asked(audience, queries):
            for one in page_of(answer.body).records:
                status = str(one["Status"]) if one["HasResponded"] else ""
                yield str(one["ContactId"]), Member(ids=(str(one["Id"]),), status=status)

    def _asked(self, audience: str, queries: Sequence[str]) -> list[Answer]:
        """Answers to up to four queries in one call, which also asks whether the campaign is there."""
        campaign = self._campaigns.id(audience)
        subs = [_query(query, f"members{number}") for number, query in enumerate(queries)]
        there = _query(f"SELECT Id FROM Campaign WHERE Id = '{campaign}'", "campaign")  # noqa: S608  (an id)
        answers = self._api.composite([there, *subs])
        if not page_of(good(self._api, answers.get("campaign"), "a look at a campaign").body).records:
            raise self._campaigns.gone(audience)
        return [good(self._api, answers.get(sub.reference), "a look at members") for sub in subs]

    def members(self, audience: str) -> Iterator[Sequence[str]]:
        """Who is in a campaign. See `connector.ports.Destination.members`."""
        where = f"CampaignId = '{self._campaigns.id(audience)}' AND ContactId != null"
        soql = f"SELECT ContactId FROM CampaignMember WHERE {where}"  # noqa: S608  (an id of ours)
        (answer,) = self._asked(audience, [soql])
        page = page_of(answer.body)
        self._floor.add(f"read campaign {audience}", page.total, per_call=PAGE)
        if page.total > self._api.settings.bulk_above:
            yield from self._in_bulk(soql)
            return
        yield _contacts(page.records)
        if page.next:
            yield from (_contacts(each.records) for each in self._api.pages(soql, start=page.next))

    def _in_bulk(self, soql: str) -> Iterator[Sequence[str]]:
        job, locator = bulk_query.begin(self._api, soql, all_rows=False), None
        bulk_query.wait(self._api, job)
        while True:
            page = bulk_query.results(self._api, job, locator)
            yield _contacts(page.records)
            if (locator := page.next) is None:
                return


def _query(soql: str, reference: str) -> Sub:
    return Sub(method="GET", path=f"query?q={quote(soql)}", reference=reference)


def _contacts(records: Sequence[Mapping[str, object]]) -> list[str]:
    return [str(one["ContactId"]) for one in records]
