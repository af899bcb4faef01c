"""What an admin should know before the first run: each finding with its fix. Reads only."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from connector.crms._salesforce import doctor_sight, doctor_storage
from connector.crms._salesforce.answers import CHECK, Answer, Refused
from connector.crms._salesforce.api import Api, Sub
from connector.crms._salesforce.campaigns import CAMPAIGN
from connector.crms._salesforce.look import Lookout
from connector.crms._salesforce.streams import INDIVIDUAL
from connector.crms._salesforce.visible import permission
from connector.errors import LamplighterError, RetryLater, SetupError
from connector.model import Finding

ORG = "SELECT Name, OrganizationType, IsSandbox FROM Organization"
USER = "SELECT UserPermissionsMarketingUser FROM User WHERE Id = '{}'"
MARKETING = (
    "tick Marketing User on the integration user in Setup, Users (it takes one free feature licence), and assign the "
    "permission set Lamplighter Connector to it, then lamplighter check"
)
USER_INFO = "/services/oauth2/userinfo"


class Doctor:
    """Looks at session, versions, org, quota, objects, fields, consent and what campaigns need.

    Args:
        trouble: what keeps us from writing our fields, told from a description of the contact; empty: nothing.
    """

    def __init__(self, lookout: Lookout, trouble: Callable[[], str]) -> None:
        self._look = lookout
        self._api: Api = lookout.api
        self._trouble = trouble

    def findings(self) -> Iterator[Finding]:
        """One line for each thing looked at; the first that makes the others pointless ends it."""
        try:
            offered = self._api.versions()
            who = str(self._api.transport.request("GET", USER_INFO).told().get("user_id") or "")
            asked = [_query("org", ORG), _query("user", USER.format(who)), *doctor_sight.queries(who)]
            told = self._api.composite(asked)
            self._look.describe()
        except LamplighterError as error:
            yield from self._outside(error)
            return
        yield self._session()
        yield self._version(offered)
        yield self._org(_body(told.get("org")))
        yield self._quota()
        yield doctor_sight.clock(self._api.transport)
        yield from self._streams()
        yield from self._consent()
        yield from self._campaigns(_body(told.get("user")))
        yield self._fields(told)
        yield self._lists()
        yield from self._records()

    def _session(self) -> Finding:
        return Finding(ok=True, title="Salesforce session", detail=self._api.transport.tokens.kind)

    def _outside(self, error: LamplighterError) -> Iterator[Finding]:
        """Why not even the org could be asked for. Where its calls are spent, it was the org that said so."""
        quota = self._api.transport.quota()
        if isinstance(error, RetryLater) and quota and not quota.spare:
            yield from (self._session(), self._quota())
            return
        yield self._shut(error)

    def _shut(self, error: LamplighterError) -> Finding:
        if isinstance(error, RetryLater):
            where = self._api.settings.instance_url
            fix = "look at salesforce.instance_url in lamplighter.yaml, and whether a firewall or proxy is in between"
            return Finding(ok=False, title="Salesforce", detail=f"{where}: {error.message}", fix=fix)
        if isinstance(error, Refused) and error.status in (404, 410):
            detail = f"the org does not serve version {self._api.settings.version} of the API"
            return Finding(ok=False, title="Salesforce API", detail=detail, fix="set salesforce.version to 66.0")
        return Finding(ok=False, title="Salesforce session", detail=error.message, fix=error.hint or CHECK)

    def _version(self, offered: list[str]) -> Finding:
        ours = self._api.settings.version.removeprefix("v")
        newest = max(offered, key=float, default=ours)
        if ours in offered:
            detail = f"{ours}; the org serves {min(offered, key=float)} to {newest}"
            return Finding(ok=True, title="Salesforce API", detail=detail)
        detail = f"the org offers {', '.join(offered)}, not {ours}"
        fix = f'set salesforce.version: "{newest}" in lamplighter.yaml'
        return Finding(ok=False, title="Salesforce API", detail=detail, fix=fix)

    def _org(self, body: Mapping[str, Any]) -> Finding:
        records = body.get("records") or [{}]
        kind = str(records[0].get("OrganizationType") or "not told")
        persons = "with" if self._look.visible.field("Account", "PersonContactId") else "without"
        currencies = "several currencies" if self._look.visible.field("Contact", "CurrencyIsoCode") else "one currency"
        return Finding(ok=True, title="Salesforce org", detail=f"{kind}, {persons} person accounts, {currencies}")

    def _quota(self) -> Finding:
        told = self._api.transport.quota()
        if told is None:
            return Finding(ok=True, title="Salesforce API calls", detail="the org does not tell what is left")
        detail = f"{told.left:,} of {told.limit:,} calls of the last 24 hours are left, {told.spare:,} of them for us"
        if told.spare:
            return Finding(ok=True, title="Salesforce API calls", detail=detail)
        fix = "wait until calls come back, lower salesforce.reserve_percent, or add API calls to the org"
        return Finding(ok=False, title="Salesforce API calls", detail=detail, fix=fix)

    def _streams(self) -> Iterator[Finding]:
        sound = []
        for name in self._look.streams:
            try:
                sound.append(self._look.selection(name).object)
            except SetupError as error:
                kind = self._look.mapping.streams[name].object
                absent = kind in doctor_sight.OF_ORDERS and self._look.visible.object(kind) is None
                fix = doctor_sight.ORDERS if absent else error.hint
                yield Finding(ok=False, title="Salesforce objects", detail=error.message, fix=fix)
        if len(sound) == len(self._look.streams):
            yield Finding(ok=True, title="Salesforce objects", detail=f"{', '.join(sound)}: all that is mapped is seen")

    def _consent(self) -> Iterator[Finding]:
        try:
            unseen = self._look.selection("contact").unseen
        except SetupError:
            return  # told already
        if unseen:
            named = ", ".join(f"Contact.{path}" for path in unseen)
            detail = f"{named}: hidden or not there, so consent is unknown and nobody gets into e-mail lists by it"
            yield Finding(
                ok=False,
                title="Salesforce consent",
                detail=detail,
                fix=f"{permission(named)}; or take it out of mappings/salesforce.yaml",
            )
            return
        individuals = "with" if self._look.visible.field("Contact", INDIVIDUAL) else "without"
        yield Finding(ok=True, title="Salesforce consent", detail=f"visible, {individuals} individuals")

    def _campaigns(self, body: Mapping[str, Any]) -> Iterator[Finding]:
        records = body.get("records") or []
        marketing = bool(records and records[0].get("UserPermissionsMarketingUser"))
        visible, title = self._look.visible, "Salesforce campaigns"
        lacking = [name for name in ("Campaign", "CampaignMember") if not visible.may(name, "createable")]
        if lacking or (records and not marketing):
            detail = f"the integration user may not create {', '.join(lacking or ['Campaign'])}"
            yield Finding(ok=False, title=title, detail=detail, fix=MARKETING)
        else:
            own = visible.may("CampaignMemberStatus", "createable")
            detail = "members get statuses of our own" if own else "members get Salesforce's own statuses"
            yield Finding(ok=True, title=title, detail=detail)

    def _fields(self, told: Mapping[str, Answer]) -> Finding:
        try:
            trouble = self._trouble()
        except LamplighterError as error:
            trouble = error.message
        if not trouble:
            return Finding(ok=True, title="Salesforce fields", detail="all of ours are there and can be written")
        return Finding(ok=False, title="Salesforce fields", detail=trouble, fix=doctor_sight.sets(told).fix)

    def _lists(self) -> Finding:
        count = len(self._api.transport.remembered.all(CAMPAIGN))
        return Finding(ok=True, title="Salesforce lists", detail=f"{count} of ours, each a campaign")

    def _records(self) -> Iterator[Finding]:
        """Whether what the user may see is all there is, and whether anybody has bought anything."""
        objects = {self._look.mapping.streams[name].object for name in self._look.streams} & doctor_sight.COUNTED
        seen = doctor_sight.counted(self._look, {name: name for name in sorted(objects)})
        yield from doctor_sight.sharing(self._look, seen)
        yield from doctor_sight.purchases(self._look, seen)
        yield from doctor_storage.room(self._api, seen.get("Contact", 0))


def _query(name: str, soql: str) -> Sub:
    return Sub(method="GET", path=f"query?q={quote(soql)}", reference=name)


def _body(answer: Answer | None) -> Mapping[str, Any]:
    """What a part of a composite call told, where it told anything."""
    return answer.body if answer is not None and answer.status == 200 and isinstance(answer.body, Mapping) else {}
