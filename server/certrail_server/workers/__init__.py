"""`certrail worker`: a small parent over a process of flows and processes of plugins."""
