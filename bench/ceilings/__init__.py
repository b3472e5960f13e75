"""A process of an installation with many, for the benchmark `ceiling`."""
