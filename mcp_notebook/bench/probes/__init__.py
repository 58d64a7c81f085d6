"""Probes: one experiment each, made on every road. Later lessons add theirs by ``@probe``."""

from __future__ import annotations

from . import reach, speech, speed
from .registry import PROBES, Probe, measure, not_here, probe, reading

__all__ = [
    "PROBES",
    "Probe",
    "measure",
    "not_here",
    "probe",
    "reach",
    "reading",
    "speech",
    "speed",
]
