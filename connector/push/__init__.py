"""Rows out: the plan is wanted minus acknowledged; the outbox carries it, suppressions first."""
