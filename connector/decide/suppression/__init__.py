"""Suppression: what is kept out of whose ads, until when, and why so long."""
