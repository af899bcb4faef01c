"""Loyalty: RFM, tiers, and what is still to come from a buyer."""
