"""Replayed code: it decides and waits, and leaves everything else to activities.

Import a workflow from its own module: the sandbox loads this package anew for every workflow that runs.
"""
