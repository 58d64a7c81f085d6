"""The file formats a Trace is written to and read from."""
