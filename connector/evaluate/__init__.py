"""How good are these decisions on this home's own history: learned before a moment, held against what came after it."""

from connector.evaluate.evaluation import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
