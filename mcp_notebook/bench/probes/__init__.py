"""Probes: one experiment each, made on every road. Later lessons add theirs by ``@probe``."""

from __future__ import annotations

from . import balancing, passage, reach, serverless, speech, speed, trust
from .registry import PROBES, Probe, measure, not_here, probe, reading

__all__ = [
    "PROBES",
    "Probe",
    "balancing",
    "measure",
    "not_here",
    "passage",
    "probe",
    "reach",
    "reading",
    "serverless",
    "speech",
    "speed",
    "trust",
]
