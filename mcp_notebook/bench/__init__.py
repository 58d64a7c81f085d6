"""Comparisons: the same call over several transports, measured from the Trace."""
