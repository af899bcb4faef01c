"""An audience's preview as an admin reads it."""

from connector.cli.report import excluded_in_words
from connector.cli.terminal import heading, moment, say, table
from connector.pipeline.pushing.preview import Effect, Preview, Somebody


def show_preview(found: Preview) -> None:
    """Size, who is kept out, what would change, overlaps, and ten people with their reasons."""
    off = "" if found.enabled else "; enabled: false, so it makes no list yet"
    size = f"{found.members:,} people as of {moment(found.as_of)} UTC{off}"
    say(f"{found.label} [{found.name}, {found.purpose}]: {size}")
    if found.left_out:
        say(f"! there is no room for it: {found.left_out}")
    if found.excluded:
        say(excluded_in_words(found.excluded))
    for destination, effect in found.changes.items():
        say(f"{destination}: {_effect(effect)}")
    if found.overlaps:
        heading("Also in")
        rows = [(one.audience, one.label, one.people, f"{one.share:.0%}") for one in found.overlaps]
        table(("list", "label", "people", "share"), rows)
    heading("Some of them")
    for one in found.some:
        say(f"{_who(one)}: {one.reason}")
    if not found.some:
        say("nobody")


def _effect(effect: Effect) -> str:
    stops = "; more than its guard allows, so a run would ask for approval" if effect.stops else ""
    return f"{effect.add:,} would come in, {effect.remove:,} would leave, {effect.stay:,} would stay{stops}"


def _who(one: Somebody) -> str:
    ids = ", ".join(f"{crm} {number}" for crm, numbers in one.contacts.items() for number in numbers)
    return f"{one.name} ({ids})" if one.name and ids else one.name or ids or one.person_id
