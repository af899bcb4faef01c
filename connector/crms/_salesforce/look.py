"""One composite call that asks about all streams at once: what changed, up to when that is sure, what we may see.

The streams are pulled one after the other. The first to be pulled asks for all of them, and the answers for the others
are kept until their turn comes; they serve as long as they begin no later than the other stream stands.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from simple_salesforce.format import format_soql

from connector.crms._salesforce.answers import Answer, Refused
from connector.crms._salesforce.api import HEAVY, PAGE, Api, Page, Sub, changed, described, page_of
from connector.crms._salesforce.floor import Floor
from connector.crms._salesforce.select import Selection, moment, selection
from connector.crms._salesforce.streams import CONSENT, INDIVIDUAL, STAMP, Record, chosen
from connector.crms._salesforce.visible import Visible, hidden
from connector.errors import RetryLater, SetupError
from connector.mapping import Mapping as FieldMapping

MARGIN = timedelta(minutes=10)
"""So far ahead of our idea of Salesforce's time the span ends whose last covered moment we ask for."""
UNTOLD = timedelta(hours=1)
"""Where Salesforce does not say up to when its changes are complete, this much is read again."""
DELETIONS = timedelta(days=14)
"""Salesforce knows of deletions for fifteen days."""
CONSENTS = "ContactPointTypeConsent"
BEHIND = ("Account", "Product2", "Individual", CONSENTS)
"""Objects that fields of others lead to, or that tell more of others."""
LISTED = 400
"""Ids named in one query: 16,000 characters of a URL are too many."""
PARTIES = "parties"
_UNASKED = Answer(status=0, body=None, headers={})
SELECTED = "selected"
"""Kept between runs: what was last read of a stream, so that a run may ask for it before it sees what there is."""


@dataclass(frozen=True, kw_only=True)
class News:
    """The first page of what changed of a stream.

    Attributes:
        since: asked for; None: everything.
        covered: up to here nothing is missing.
        gap: deletions may have been forgotten before we asked for them.
        parties: of contacts, the individuals whose consents changed: that is a change of the contact, too.
    """

    selection: Selection
    since: datetime | None
    covered: datetime
    page: Page
    gap: bool
    parties: Sequence[str] = ()


class Lookout:
    """Asks, and keeps what was asked ahead."""

    def __init__(self, api: Api, mapping: FieldMapping, visible: Visible, floor: Floor) -> None:
        self.api = api
        self.visible = visible
        self.mapping = mapping
        self.floor = floor
        self.streams = chosen(api.settings.purchases)
        self._kept: dict[str, News] = {}
        self._described = False

    @property
    def page_size(self) -> int:
        """Records of a page: as many as Salesforce gives, unless a batch is to hold fewer; at least 200."""
        return min(PAGE, max(200, self.api.settings.batch_records))

    @property
    def query_headers(self) -> dict[str, str]:
        """What a query must be sent with."""
        return {} if self.page_size == PAGE else {"Sforce-Query-Options": f"batchSize={self.page_size}"}

    def describe(self, beside: Sequence[Sub] = ()) -> dict[str, Answer]:
        """Learn what we may see, once in a run; what else is asked in the same call is answered."""
        descriptions = [] if self._described else self._descriptions()
        if not descriptions and not beside:
            return {}
        self.floor.add("describe", 1)
        answers = self.api.composite([*beside, *descriptions])
        if descriptions:
            self._learn(answers)
        return answers

    def selection(self, name: str) -> Selection:
        """What is read of a stream. Raises SetupError where a field is hidden that is mapped, or was read before."""
        self.describe()
        found = selection(self.streams[name], self.mapping.streams[name], self.visible)
        before = self._before(name)
        if before and (vanished := self._vanished(name, before, found)):
            raise hidden(found.object, vanished)
        if before != found:
            told = {"mapping": self.mapping.digest(name), **asdict(found)}
            self.api.transport.remembered.put(SELECTED, name, json.dumps(told, sort_keys=True))
        return found

    def _vanished(self, name: str, before: Selection, now: Selection) -> list[str]:
        fields = self.mapping.streams[name].fields.values()
        consent = {path for each in fields if each.column in CONSENT for path in each.sources}
        return [path for path in before.mapped if path not in now.mapped and path not in consent]

    def _before(self, name: str) -> Selection | None:
        """What was read with the same mapping before."""
        told = json.loads(self.api.transport.remembered.get(SELECTED, name) or "{}")
        if told.pop("mapping", None) != self.mapping.digest(name):
            return None
        lists = {word: tuple(told[word]) for word in ("paths", "mapped", "unseen")}
        return Selection(object=str(told["object"]), **lists)

    def news(self, name: str, since: datetime | None) -> News:
        """What changed of a stream since then. Raises SetupError where we may not see what is mapped."""
        kept = self._kept.pop(name, None)
        if kept is None or not _serves(kept.since, since):
            self._look(name, since)
            kept = self._kept.pop(name, None)
        if kept is None or kept.selection != self.selection(name):
            return self._asked_alone(name, since)
        return kept

    def _look(self, name: str, since: datetime | None) -> None:
        """Ask about a stream, and about those that are pulled after it as long as they fit into the call."""
        names = list(self.streams)
        ahead = names[names.index(name) :][: HEAVY - 1]
        asked = self._selections(name, ahead)
        now = self.api.transport.now()
        subs = [sub for each, one in asked.items() for sub in _subs(each, one, since, now, self.query_headers)]
        answers = self.api.composite([*subs, *_consent_subs(asked, since), *self._descriptions()])
        self.floor.add("look", 1)
        self._learn(answers)
        for each, one in asked.items():
            if all(part in answers and answers[part].status == 200 for part in (each, f"{each}_updated")):
                self._kept[each] = self._news(each, one, since, answers)

    def _selections(self, name: str, ahead: Sequence[str]) -> dict[str, Selection]:
        """What to ask for: as before; where that is not known, by a look at what there is."""
        before = {each: self._before(each) for each in ahead}
        if all(before.values()):
            return {each: one for each, one in before.items() if one}
        found = {name: self.selection(name)}
        for each in ahead:
            try:
                found[each] = self.selection(each)
            except SetupError:
                continue  # it is told when that stream's turn comes
        return found

    def _asked_alone(self, name: str, since: datetime | None) -> News:
        """The same by calls of its own: what was asked for was no longer there to be seen, or its query failed."""
        found = self.selection(name)
        covered = self.covered(found.object)  # before the records: what changes meanwhile is read again
        first = next(self.pages(found.soql(since), all_rows=since is not None))
        parties = self._parties(name, found, since, {})
        gap = self._gap(since, None)
        return News(selection=found, since=since, covered=covered, page=first, gap=gap, parties=parties)

    def pages(self, soql: str, *, all_rows: bool, start: str | None = None) -> Iterator[Page]:
        """Pages of a query, or from page `start` on."""
        return self.api.pages(soql, all_rows=all_rows, start=start, headers=self.query_headers)

    def by_ids(self, select: str, field: str, ids: Sequence[str], further: str = "") -> Iterator[Record]:
        """Records whose `field` is one of `ids`, the deleted too; 2,000 to a call."""
        for at in range(0, len(ids), HEAVY * LISTED):
            part = ids[at : at + HEAVY * LISTED]
            queries = [
                f"{select} WHERE {field} IN ({_listed(part[one : one + LISTED])}){f' AND {further}' if further else ''}"
                for one in range(0, len(part), LISTED)
            ]
            subs = [_query(f"q{number}", "queryAll", soql) for number, soql in enumerate(queries)]
            self.floor.add("by id", 1)
            answers = self.api.composite(subs)
            for sub, soql in zip(subs, queries, strict=True):  # what was left out is no "nobody"
                yield from self._all(answers.get(sub.reference, _UNASKED), soql)

    def _all(self, answer: Answer, soql: str) -> Iterator[Record]:
        """The records of a query within a composite call; asked for again by itself where it failed there."""
        if answer.status != 200:
            yield from self.api.query(soql, all_rows=True)
            return
        page = page_of(answer.body)
        yield from page.records
        if page.next:
            for following in self.pages("", all_rows=True, start=page.next):
                yield from following.records

    def _news(self, name: str, one: Selection, since: datetime | None, answers: Mapping[str, Answer]) -> News:
        covered = self._until(answers[f"{name}_updated"])
        gap, parties = self._gap(since, answers.get(f"{name}_deleted")), self._parties(name, one, since, answers)
        page = page_of(answers[name].body)
        return News(selection=one, since=since, covered=covered, page=page, gap=gap, parties=parties)

    def _parties(self, name: str, one: Selection, since: datetime | None, answers: Mapping[str, Answer]) -> list[str]:
        """Individuals whose consents changed; none where we may not see consents."""
        seen = self.visible.seen(CONSENTS, ("PartyId", STAMP))
        if since is None or len(seen) < 2 or not list(_consent_subs({name: one}, since)):
            return []
        changed_consents = self._all(answers.get(PARTIES, _UNASKED), _changed_consents(since))
        return sorted({str(each["PartyId"]) for each in changed_consents})

    def covered(self, name: str) -> datetime:
        """Up to when no change of an object is missing, long transactions included. To be asked before they are read:
        one that commits in between carries an older time."""
        now = self.api.transport.now()
        try:
            answer = self.api.transport.request("GET", changed(name, "updated", *_span(now), "").path)
        except Refused:
            return now - UNTOLD
        return self._until(answer)

    def _until(self, answer: Answer) -> datetime:
        told = answer.told("latestDateCovered")
        return min(self.api.transport.now(), datetime.fromisoformat(told["latestDateCovered"]))

    def _gap(self, since: datetime | None, answer: Answer | None) -> bool:
        if since is None:
            return False
        if answer is not None and answer.status == 200:
            return datetime.fromisoformat(answer.told("earliestDateAvailable")["earliestDateAvailable"]) > since
        return self.api.transport.now() - since > DELETIONS

    def _descriptions(self) -> list[Sub]:
        objects = [self.mapping.streams[name].object for name in self.streams]
        return [described(each) for each in dict.fromkeys([*objects, *BEHIND])]

    def _learn(self, answers: Mapping[str, Answer]) -> None:
        for one in self._descriptions():
            if one.reference not in answers:
                raise RetryLater("Salesforce left a description out of its answer", hint="lamplighter run, later")
            self.visible.learn(one.reference, answers[one.reference])
        self._described = True


def _serves(asked: datetime | None, since: datetime | None) -> bool:
    """Whether an answer about one time serves another one: both ask for everything, or it reaches as far back."""
    return asked == since or (asked is not None and since is not None and asked <= since)


def _span(now: datetime) -> tuple[datetime, datetime]:
    return now - timedelta(minutes=2), now + MARGIN


def _subs(
    name: str, one: Selection, since: datetime | None, now: datetime, headers: Mapping[str, str]
) -> Iterator[Sub]:
    """Up to when the changes are complete, before what changed."""
    yield changed(one.object, "updated", *_span(now), f"{name}_updated")
    if since is not None and now - since < DELETIONS:
        yield changed(one.object, "deleted", since - timedelta(minutes=2), now + MARGIN, f"{name}_deleted")
    yield _query(name, "query" if since is None else "queryAll", one.soql(since), headers)


def _changed_consents(since: datetime) -> str:
    return f"SELECT PartyId FROM {CONSENTS} WHERE {STAMP} >= {moment(since)}"  # noqa: S608  (names of Salesforce)


def _consent_subs(asked: Mapping[str, Selection], since: datetime | None) -> Iterator[Sub]:
    """Which consents changed, where contacts are asked for that have individuals."""
    if since is not None and "contact" in asked and INDIVIDUAL in asked["contact"].paths:
        yield _query(PARTIES, "queryAll", _changed_consents(since))


def _query(name: str, resource: str, soql: str, headers: Mapping[str, str] | None = None) -> Sub:
    return Sub(method="GET", path=f"{resource}?q={quote(soql)}", reference=name, headers=headers or None)


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(format_soql("{}", one) for one in ids)
