"""Connections to what others name: names looked up within a time, and only addresses that were checked."""
