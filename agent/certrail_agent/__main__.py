"""`python -m certrail_agent`."""

from certrail_agent.cli import main

main()
