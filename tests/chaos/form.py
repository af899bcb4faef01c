"""In which form chaos was asked for (`make chaos CHAOS=short`)."""

import os

SHORT = os.environ.get("LAMPLIGHTER_CHAOS") == "short"
"""Fewer kills, mixes and cycles, but all of their kinds."""
