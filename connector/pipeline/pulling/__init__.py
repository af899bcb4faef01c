"""The first stage of a run: every source read on from its cursor, and swept for what has gone."""
