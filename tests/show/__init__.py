"""Tests of the show floor."""
