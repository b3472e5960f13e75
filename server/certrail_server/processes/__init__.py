"""Processes of certrail: how they are started, watched and ended."""
