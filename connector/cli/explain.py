"""`lamplighter explain`: why is this person in these lists, and this item (not) suppressed for them."""

from typing import Annotated

import typer

from connector.cli import options
from connector.cli.terminal import heading, moment, print_json, say
from connector.decide.membership.consent import WORDS
from connector.explain import Explanation, Listed, Story, Suppressed, explain
from connector.explain.stories import said
from connector.home import open_home

SHOWN = 10
"""Items that are kept out of no ads any more, on the screen."""


def command(
    email: Annotated[str, typer.Argument(help="E-mail address of the person, in any spelling.")],
    item: Annotated[str, typer.Option("--item", metavar="ID", help="A product id or family to explain.")] = "",
    home: options.Home = options.HOME,
    json: options.Json = False,
) -> None:
    """Why a person is in these lists, and what is kept out of their ads until when."""
    with open_home(home, only_looks=True) as opened:
        found = explain(opened, email, item)
    if json:
        print_json(found.as_json())
    else:
        show(found)


def show(found: Explanation) -> None:
    """The whole explanation."""
    where = ", ".join(f"{crm} {number}" for crm, ids in found.contacts.items() for number in ids)
    say(f"Person {found.person_id} ({where or 'no contact'}), as of {moment(found.as_of)} UTC")
    if found.item:
        say(f"Item {found.item.family}: {found.item.story}")
        if found.item.told:
            _show_story(found.item.told)
    heading("Kept out of their ads")
    for suppressed in found.suppressions:
        _show_suppressed(suppressed)
    if not found.suppressions:
        say("nothing")
    for platform, labels in found.ad_audiences.items():
        barrier = found.traits.get("ads_barrier", "none")
        why = f" ({WORDS[barrier]})" if barrier in WORDS else ""
        say(f"At {platform}: {', '.join(labels) or 'in no audience'}{why}")
    free = [story for story in found.stories if story.until is None]
    if free:
        heading("Bought or given back before")
    for story in free[:SHOWN]:
        say(f"{story.title} ({story.family}): {story.now}")
    if len(free) > SHOWN:
        say(f"and {len(free) - SHOWN:,} more; --item ID tells of one")
    heading("Lists")
    for listed in found.lists:
        _show_listed(listed)
    for one in found.excluded:
        say(f"would be in {one.label} [{one.audience}], but: {one.why}")
    heading("Next products")
    for offer in found.recommendations:
        say(f"{offer['title']} ({offer['product_id']}): {offer['why']}")
    heading("Traits")
    say(", ".join(f"{name} {_trait(value)}" for name, value in found.traits.items()) or "none")


def _show_story(story: Story) -> None:
    for step in story.steps:
        say(f"  {moment(step.at)}  {step.what}")
    say(f"  so long because: {story.why}")
    if story.then:
        say(f"  then: {story.then}")


def _show_suppressed(one: Suppressed) -> None:
    behind = f"order {one.evidence.get('order_id')}, {one.evidence.get('product_id')}"
    say(f"{one.title} ({one.family}) until {one.until:%Y-%m-%d}: {said(one.reason)} on {moment(one.since)}, {behind}")
    say(f"  lists: {', '.join(one.lists) or 'none of its own'}")
    if one.ads.impressions:
        times = f"shown {one.ads.impressions:,} times after that, last on {moment(one.ads.last_at)}"
        say(f"  ads: {times}; {one.ads.clicks:,} clicks, cost {one.ads.cost}")


def _show_listed(one: Listed) -> None:
    standing = ", ".join(f"{crm} {word}" for crm, word in one.at.items())
    say(f"{one.label} [{one.audience}, {one.purpose or 'no longer defined'}]: {standing or 'in no CRM'}")
    say(f"  {one.reason or 'no longer wanted; leaves with the next push'}")


def _trait(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:%Y-%m-%d}" if hasattr(value, "strftime") else str(value)
