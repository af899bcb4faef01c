"""Rows in: from every source into the warehouse, cursors after rows, books per source."""

from connector.pull.books import Book
from connector.pull.source import pull_source
from connector.pull.sweep import pull_sweep

__all__ = ["Book", "pull_source", "pull_sweep"]
