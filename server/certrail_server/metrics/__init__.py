"""Figures in Prometheus' text format: of this process' HTTP calls, and of the database."""
