"""What cannot be had again, in one file: the store, settings, mappings and audiences. And the way back from it."""

from connector.backup.restoring import restore
from connector.backup.taking import take

__all__ = ["restore", "take"]
