"""Flows: order, waiting and retries, nothing else. They are replayed, so they never reach I/O."""
