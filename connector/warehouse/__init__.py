"""Everything seen, and what is derived from it: Delta tables of immutable files, read through Ibis."""
