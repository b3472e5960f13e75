"""Alerts, channels, notifications and incidents."""
