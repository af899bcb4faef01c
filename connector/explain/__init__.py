"""Why is this person in these lists, and this item (not) suppressed for them: one answer for every reader of it."""

from connector.explain.answer import explain
from connector.explain.lists import audiences_of
from connector.explain.values import Ads, Excluded, Explanation, Item, Listed, Step, Story, Suppressed

__all__ = ["Ads", "Excluded", "Explanation", "Item", "Listed", "Step", "Story", "Suppressed", "audiences_of", "explain"]
