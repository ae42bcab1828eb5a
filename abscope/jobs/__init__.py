"""Background jobs: a local worker process, and an inline runner for the command line."""
