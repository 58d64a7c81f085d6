"""What the reader sees, from the trace alone."""
