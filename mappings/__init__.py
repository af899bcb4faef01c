"""Field maps and audiences as text: data an admin may override under `--home`/mappings."""
