"""Forgetting a person everywhere: here for good, at every recipient on request, and again after a restore."""

from connector.erase.forgetting import Receipts, erase, go_on, hold_to, receipts

__all__ = ["Receipts", "erase", "go_on", "hold_to", "receipts"]
