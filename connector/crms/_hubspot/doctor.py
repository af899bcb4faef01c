"""What an admin should know before the first run: each finding with its fix. Reads only."""

from collections.abc import Iterator

from connector.crms import Remembered
from connector.crms._hubspot import doctor_account, doctor_properties
from connector.crms._hubspot.account import Account
from connector.crms._hubspot.answers import Refused, scope_fix
from connector.crms._hubspot.api import Api
from connector.crms._hubspot.doctor_properties import Ours
from connector.crms._hubspot.fields import Fields
from connector.crms._hubspot.lists import LIST
from connector.crms._hubspot.mail_statuses import SCOPE as STATUSES
from connector.crms._hubspot.settings import HubSpotSettings
from connector.crms._hubspot.source import Source
from connector.crms._hubspot.streams import Stream
from connector.crms._hubspot.writes import CONTACTS
from connector.errors import LamplighterError, RetryLater, SetupError
from connector.limits import Retry
from connector.mapping import Mapping as FieldMapping
from connector.model import Finding

WRITES = ("crm.objects.contacts.write", "crm.lists.read", "crm.lists.write", "crm.schemas.contacts.write")
"""Lists ask for the contacts' right to write too (RudderStack, HubSpot Audience destination)."""
PURCHASES = {"order_header": ("orders", "deals"), "deal": ("deals", "orders")}
"""Stream -> its object type, and what a shop may have instead."""
ENTRANCE = Retry(attempts=3)
"""For the first call: somebody is waiting for the answer."""


def needed_scopes(mapping: FieldMapping, settings: HubSpotSettings) -> list[str]:
    """What a token must be allowed to do for the streams of a mapping, in HubSpot's words."""
    kinds = [stream.object for stream in mapping.streams.values()]
    asked = [STATUSES] if settings.subscription_status == "api" else []
    return [f"crm.objects.{kind}.read" for kind in kinds] + list(WRITES) + asked


class Doctor:
    """Looks at token, account, scopes, properties, lists, quota and version."""

    def __init__(
        self,
        api: Api,
        source: Source,
        fields: Fields,
        mapping: FieldMapping,
        settings: HubSpotSettings,
        remembered: Remembered,
        account: Account,
    ) -> None:
        self._api = api
        self._source = source
        self._fields = fields
        self._mapping = mapping
        self._settings = settings
        self._remembered = remembered
        self._account = account
        self._ours = Ours(api, mapping)

    def findings(self) -> Iterator[Finding]:
        """One line for each thing looked at; the first that makes the others pointless ends it."""
        transport = self._api.transport
        try:
            account = self._api.account(ENTRANCE)
        except LamplighterError as error:
            yield self._outside(error)
            return
        transport.quota.day.learn(account)
        yield Finding(ok=True, title="HubSpot token", detail=self._token())
        quota = doctor_account.quota(transport)
        yield from (doctor_account.kind(account), quota, doctor_account.tier(transport.quota))
        if self._account.is_another(portal := str(account.get("portalId"))):
            detail, fix = self._account.another(portal), f"lamplighter connect hubspot, {self._account.way_out}"
            yield Finding(ok=False, title="HubSpot account", detail=detail, fix=fix)
            return
        if not quota.ok:
            return
        yield doctor_account.clock(transport)
        yield doctor_account.version(self._settings.version, transport.server.now().date())
        yield from doctor_account.sdk()
        yield from self._scopes()
        yield from self._properties()
        yield from self._lists()
        yield from self._purchases()

    def _token(self) -> str:
        tokens = self._api.transport.tokens
        hub = f", hub {tokens.granted.hub_id}" if tokens.granted and tokens.granted.hub_id else ""
        return f"{tokens.kind}{hub}"

    def _outside(self, error: LamplighterError) -> Finding:
        """Why not even the account could be asked for."""
        if isinstance(error, Refused) and error.status == 404:
            detail = f"HubSpot does not know version {self._settings.version} of its API, or no longer"
            fix = doctor_account.other_version(self._settings.version)
            return Finding(ok=False, title="HubSpot API", detail=detail, fix=fix)
        if not isinstance(error, RetryLater):
            return Finding(ok=False, title="HubSpot token", detail=error.message, fix=error.hint)
        if not self._api.transport.reached:
            fix = "look at hubspot.base_url in lamplighter.yaml, and whether a firewall or proxy lets this machine out"
            return Finding(ok=False, title="HubSpot", detail=f"{self._settings.base_url}: {error.message}", fix=fix)
        when = f"{error.resume_at:%Y-%m-%d %H:%M} UTC" if error.resume_at else "a while"
        return Finding(
            ok=False, title="HubSpot", detail=error.message, fix=f"wait until {when}, then lamplighter check"
        )

    def _scopes(self) -> Iterator[Finding]:
        try:
            granted = self._api.scopes()
        except LamplighterError:
            granted = None
        if granted is None:
            detail = "HubSpot does not list the scopes of this token; what it may write shows at the first run"
            yield Finding(ok=True, title="HubSpot scopes", detail=detail)
            return
        missing = [scope for scope in needed_scopes(self._mapping, self._settings) if scope not in granted]
        if not missing:
            yield Finding(ok=True, title="HubSpot scopes", detail="all that are needed")
        for scope in missing:
            fix = scope_fix(scope, self._api.transport.tokens.connect)
            yield Finding(ok=False, title="HubSpot scopes", detail=f"{scope} is missing", fix=fix)

    def _properties(self) -> Iterator[Finding]:
        for stream in self._source.streams.values():
            kind, wanted = self._source.kind(stream), self._source.demanded(stream)
            try:
                there = self._api.properties(kind)
                names = [each["name"] for each in there]
                for finding in doctor_properties.mapped(self._mapping, kind, stream.name, wanted, names):
                    yield finding if finding.ok else self._archived(finding, kind, wanted)
                if kind == CONTACTS:
                    yield from self._ours.findings(there, self._fields.missing(there))
            except LamplighterError as error:
                yield Finding(ok=False, title=f"HubSpot {kind}", detail=error.message, fix=error.hint)

    def _archived(self, finding: Finding, kind: str, wanted: list[str]) -> Finding:
        """A property that seems unknown may be in the archive."""
        gone = (name for name in self._api.archived_properties(kind) if name in wanted and name in finding.detail)
        name = next(gone, None)
        return doctor_properties.archived(finding, kind, name) if name else finding

    def demand(self, stream: Stream) -> None:
        """Raises SetupError where the mapping names a property of `stream` that the account does not have.

        HubSpot would leave it out of every answer without a word, and every contact would seem to have lost it.
        """
        kind = self._source.kind(stream)
        self._source.floor.add(f"properties of {kind}", 1)
        names = [each["name"] for each in self._api.properties(kind) if "name" in each]
        if not names:
            raise RetryLater(f"HubSpot answered what properties {kind} have with nothing", hint="lamplighter run")
        wanted = self._source.demanded(stream)
        for finding in doctor_properties.mapped(self._mapping, kind, stream.name, wanted, names):
            if not finding.ok:
                raise SetupError(f"HubSpot {kind}: {finding.detail}; nothing was pulled of them", hint=finding.fix)

    def _lists(self) -> Iterator[Finding]:
        if self._settings.lists == "static":
            count = len(self._remembered.all(LIST))
            detail = f"{count} of ours; hubspot.max_lists allows {self._settings.max_lists}"
            yield Finding(ok=True, title="HubSpot lists", detail=detail)

    def _purchases(self) -> Iterator[Finding]:
        kinds = [PURCHASES[name] for name in self._source.streams if name in PURCHASES]
        counts = {kind: self._count(kind) for kind, _ in kinds}
        if any(count != 0 for count in counts.values()):
            return
        (chosen, other), *more = kinds
        if more or not (instead := self._count(other)):
            detail = f"there are no {' and no '.join(counts)} yet: until there are, nobody has bought anything"
            yield Finding(ok=True, title="HubSpot purchases", detail=detail)
            return
        detail = f"there are no {chosen}, but {instead:,} {other}"
        fix = f"set hubspot.purchases to {other} in lamplighter.yaml, then lamplighter check"
        yield Finding(ok=False, title="HubSpot purchases", detail=detail, fix=fix)

    def _count(self, kind: str) -> int | None:
        """How many there are; None where that cannot be asked."""
        try:
            return self._api.count(kind)
        except LamplighterError:
            return None
