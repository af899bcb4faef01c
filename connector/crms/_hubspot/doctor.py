"""What an admin should know before the first run: each finding with its fix. Reads only."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from difflib import get_close_matches

from connector.crms._hubspot.api import Api
from connector.crms._hubspot.fields import CONTACTS, Fields
from connector.crms._hubspot.rows import STREAMS, Stream
from connector.crms._hubspot.source import Source
from connector.errors import LamplighterError, RetryLater, SetupError
from connector.mapping import Mapping as FieldMapping
from connector.model import Finding

WRITES = ("crm.objects.contacts.write", "crm.lists.read", "crm.lists.write", "crm.schemas.contacts.write")
"""Lists ask for the contacts' right to write too (RudderStack, HubSpot Audience destination)."""
SUPPORTED_MONTHS = 18
"""HubSpot supports a dated version for that long (developer platform, versioning)."""
ADD_SCOPE = "add it to the app or service key in HubSpot's settings, then lamplighter check"


class Doctor:
    """Looks at token, scopes, properties, quota and version."""

    def __init__(self, api: Api, source: Source, fields: Fields, mapping: FieldMapping, version: str) -> None:
        self._api = api
        self._source = source
        self._fields = fields
        self._mapping = mapping
        self._version = version

    def findings(self) -> Iterator[Finding]:
        """One line for each thing looked at; the first that makes the others pointless ends it."""
        try:
            account = self._api.account()
        except LamplighterError as error:
            yield Finding(ok=False, title="HubSpot token", detail=error.message, fix=error.hint)
            return
        yield Finding(ok=True, title="HubSpot token", detail=f"account {account.get('portalId')}")
        yield from self._scopes()
        yield from self._properties()
        yield self._quota()
        yield self._support()

    def _scopes(self) -> Iterator[Finding]:
        try:
            granted = self._api.scopes()
        except LamplighterError:
            granted = None
        if granted is None:
            detail = "HubSpot does not list the scopes of this token; what it may write shows at the first run"
            yield Finding(ok=True, title="HubSpot scopes", detail=detail)
            return
        missing = [scope for scope in self._needed() if scope not in granted]
        if not missing:
            yield Finding(ok=True, title="HubSpot scopes", detail="all that are needed")
        for scope in missing:
            yield Finding(ok=False, title="HubSpot scopes", detail=f"{scope} is missing", fix=ADD_SCOPE)

    def _needed(self) -> list[str]:
        kinds = [stream.object for stream in self._mapping.streams.values()]
        return [f"crm.objects.{kind}.read" for kind in kinds] + list(WRITES)

    def _properties(self) -> Iterator[Finding]:
        for stream in STREAMS.values():
            kind, wanted = self._source.kind(stream), self._source.properties(stream)
            try:
                there = self._api.properties(kind)
            except LamplighterError as error:
                yield Finding(ok=False, title=f"HubSpot {kind}", detail=error.message, fix=error.hint)
                continue
            names = [each["name"] for each in there]
            yield from self._mapped(kind, stream.name, wanted, names)
            if kind == CONTACTS:
                yield self._ours(len(self._fields.missing(there)))

    def demand(self, stream: Stream) -> None:
        """Raises SetupError where the mapping names a property of `stream` that the account does not have.

        HubSpot would leave it out of every answer without a word, and every contact would seem to have lost it.
        """
        kind = self._source.kind(stream)
        self._source.floor.add(f"properties of {kind}", 1)
        names = [each["name"] for each in self._api.properties(kind) if "name" in each]
        if not names:
            raise RetryLater(f"HubSpot answered what properties {kind} have with nothing", hint="lamplighter run")
        for finding in self._mapped(kind, stream.name, self._source.properties(stream), names):
            if not finding.ok:
                raise SetupError(f"HubSpot {kind}: {finding.detail}; nothing was pulled of them", hint=finding.fix)

    def _mapped(self, kind: str, stream: str, wanted: Sequence[str], names: Sequence[str]) -> Iterator[Finding]:
        unknown = [name for name in wanted if name not in names]
        title = f"HubSpot {kind}"
        if not unknown:
            yield Finding(ok=True, title=title, detail=f"all {len(wanted)} mapped properties are there")
        for name in unknown:
            near = get_close_matches(name, names, n=1)
            yield Finding(
                ok=False,
                title=title,
                detail=f"unknown property in the mapping: {name} (streams.{stream})",
                fix=f"edit {self._mapping.text.file}" + (f": did you mean {near[0]}?" if near else " or create it"),
            )

    def _ours(self, missing: int) -> Finding:
        have = len(self._mapping.properties) - missing
        detail = f"{have} of our {len(self._mapping.properties)} properties are there"
        return Finding(
            ok=True, title="HubSpot properties", detail=detail + (", the first run creates the rest" * bool(missing))
        )

    def _quota(self) -> Finding:
        budget = self._api.transport.budget
        if budget.limit is None or budget.left is None:
            return Finding(ok=True, title="HubSpot quota", detail="HubSpot does not tell this token's daily quota")
        detail = f"{budget.limit - budget.left:,} of {budget.limit:,} calls used today, {budget.left:,} left"
        if budget.left > budget.reserve:
            return Finding(ok=True, title="HubSpot quota", detail=detail)
        fix = "wait for the account's midnight, or lower hubspot.reserve_percent in lamplighter.yaml"
        return Finding(ok=False, title="HubSpot quota", detail=f"{detail}, all kept for others", fix=fix)

    def _support(self) -> Finding:
        until, today = _supported_until(self._version), self._api.transport.server.now().date()
        detail = f"version {self._version}, supported until {until:%Y-%m}" if until else f"version {self._version}"
        fix = "set hubspot.version in lamplighter.yaml to a current one" if until and today >= until else ""
        return Finding(ok=not fix, title="HubSpot API", detail=detail, fix=fix)


def _supported_until(version: str) -> date | None:
    """The month in which a dated version stops being supported; None for a version without a date."""
    try:
        start = datetime.strptime(version, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        return None
    months = start.year * 12 + start.month - 1 + SUPPORTED_MONTHS
    return date(months // 12, months % 12 + 1, 1)
