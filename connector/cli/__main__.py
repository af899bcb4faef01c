"""`python -m connector.cli`: the same as `lamplighter`."""

from connector.cli import main

main()
