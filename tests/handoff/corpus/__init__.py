"""Notebooks' worth of tools as data, and the rig that exports and proves them."""
