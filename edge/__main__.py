"""`python -m edge` is `homerule`."""

from edge.cli import main

main()
