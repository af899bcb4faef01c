"""Traits: one row a person, and when something of it changes by itself."""
