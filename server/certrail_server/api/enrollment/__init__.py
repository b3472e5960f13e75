"""Enrollment: settings of its methods by API, and the wire formats of its protocols."""
