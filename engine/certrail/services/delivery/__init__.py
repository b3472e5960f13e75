"""Syncs: desired state, deliveries and retirements at destinations."""
