"""Buy till you die: who still buys, how many orders are to come, and what they are worth. NumPy on aggregates only."""
