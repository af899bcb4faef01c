"""Lamplighter: takes buyers of an item out of that item's ads, and tells the CRM whom to write to instead."""

__version__ = "0.1.0"
