"""Ads for what people had bought already: what they cost, what could have been spared, and how fast we are."""

from connector.waste.waste import Waste, waste

__all__ = ["Waste", "waste"]
