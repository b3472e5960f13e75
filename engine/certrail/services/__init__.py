"""Use cases. Each step is one transaction: state, events and outbox rows commit together."""
