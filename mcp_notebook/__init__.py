"""Magics, a live view and lessons for the transports of the Model Context Protocol."""
