"""What happened: the Trace and what can be read from it. Memory only."""
