"""What the outside may see of a working install: logs, metrics and traces, none of which tells of a person."""
