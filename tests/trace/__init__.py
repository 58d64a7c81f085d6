"""Tests of the trace floor."""
