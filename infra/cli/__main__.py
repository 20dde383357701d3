"""`python -m infra.cli`: the command without being installed."""

from infra.cli.main import main

main()
