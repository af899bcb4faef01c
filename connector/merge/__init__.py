"""Merge: from rows as they were seen to persons, what they hold and what they touched. Tables in, tables out.

The path: identity (who is whom) -> catalogue (what is the same) -> lines -> holdings, touches -> merged.
`facts` counts over all of it.
"""

from connector.merge.facts import facts
from connector.merge.identity import Identity, identify
from connector.merge.merged import merge
from connector.merge.seen import Seen
from connector.relations import Keep, Merged

__all__ = ["Identity", "Keep", "Merged", "Seen", "facts", "identify", "merge"]
