"""Decide: from what persons hold and touched to suppressions, loyalty, next products and lists. Tables in, tables out.

The path: figures (shop-wide, now and then) -> decision: suppress, traits, cross_sell -> audiences (rules and reasons).
"""

from connector.decide.decision import Decisions, decide
from connector.decide.figures import Figures, figures

__all__ = ["Decisions", "Figures", "decide", "figures"]
