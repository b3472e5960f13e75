"""What every use case is built from: the unit of work, the audit log, the outbox, and sweeps."""
