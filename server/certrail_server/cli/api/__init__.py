"""Commands that call a running certrail over its HTTP API, through certrail-client and nothing else."""
