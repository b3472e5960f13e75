"""The HTTP API, the command line, the embedded mode and the composition root."""
