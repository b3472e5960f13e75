"""What comes in and what goes out: the models of the HTTP API, a module a noun."""
