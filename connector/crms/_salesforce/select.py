"""Which fields of an object a stream asks for, and in which words. Formula fields are read as they stand."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from connector.crms._salesforce.streams import CONSENT, FORGET, INDIVIDUAL, REFUSALS, STAMP, Stream
from connector.crms._salesforce.visible import Visible, hidden
from connector.field_map import StreamMap

INDIVIDUAL_STAMP = "Individual.SystemModstamp"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is read of a stream in this run.

    Attributes:
        object: Salesforce's name of it.
        paths: the fields asked for.
        mapped: of these, those that the mapping names: they must not vanish.
        unseen: consent fields that we may not see; what they would tell is unknown.
    """

    object: str
    paths: tuple[str, ...]
    mapped: tuple[str, ...]
    unseen: tuple[str, ...] = ()

    @property
    def follows_individual(self) -> bool:
        """Whether a change of the individual behind a contact is one of the contact."""
        return INDIVIDUAL_STAMP in self.paths

    def soql(self, since: datetime | None) -> str:
        """The query for what changed since then; None: for everything that is not deleted."""
        asked = f"SELECT {', '.join(self.paths)} FROM {self.object}"  # noqa: S608  (names that describe told)
        if since is None:
            return asked
        moved = [STAMP, *([INDIVIDUAL_STAMP] if self.follows_individual else [])]
        return f"{asked} WHERE {' OR '.join(f'{name} >= {moment(since)}' for name in moved)}"


def selection(stream: Stream, mapped: StreamMap, visible: Visible) -> Selection:
    """What can be read of a stream.

    Raises:
        SetupError: a mapped field is not to be seen. Consent fields, and fields whose unusable values are left empty,
            may be missing; of several that fill one column one is enough.
    """
    name = mapped.object
    visible.demand(name, [*stream.needed, STAMP])
    fields, unseen = list[str](), list[str]()
    for each in mapped.fields.values():
        seen = visible.seen(name, each.sources)
        fields += seen
        if seen or not each.sources:
            continue
        if each.column in CONSENT:
            unseen += each.sources
        elif not each.lenient:
            raise hidden(name, each.sources)
    fields += visible.seen(name, mapped.extra)
    wanted = visible.seen(name, stream.wanted)
    if stream.name == "contact":
        unseen += _hidden_refusals(name, visible)
    bin_ = visible.seen(name, ["IsDeleted"])
    paths = _once(["Id", STAMP, *bin_, *stream.needed, *wanted, *fields])
    return Selection(object=name, paths=paths, mapped=_once(fields), unseen=_once(unseen))


def _hidden_refusals(name: str, visible: Visible) -> list[str]:
    """What individuals may have refused without our seeing it; nothing where the org keeps no individuals."""
    tied = visible.field(name, INDIVIDUAL) is not None
    if not tied and visible.object("Individual") is None:
        return []
    return [path for path in (INDIVIDUAL, FORGET, *REFUSALS) if visible.field(name, path) is None]


def _once(paths: Iterable[str]) -> tuple[str, ...]:
    """Each path once, whatever its case: SOQL refuses a field that is named twice."""
    return tuple({path.lower(): path for path in reversed(list(paths))}.values())[::-1]


def moment(at: datetime) -> str:
    """A time in a query: whole seconds, rounded down."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
