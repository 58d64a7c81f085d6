"""What leaving the notebook takes: ``python -m tests.bench.handoff [TIMES]``.

A real kernel in which a notebook of ten tools ran exports it and proves it, over stdio, HTTP and
WebSocket in both eras, again and again. The clean environment is made before and counted apart.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.rigs.kernel import KernelRig
from tests.rigs.proving import cache_environment

GOAL_S = 20.0

HELPERS = """
import math, re, json
from dataclasses import dataclass
from enum import Enum

RATES = {"EUR": 1.1, "CHF": 1.2}

class Unit(Enum):
    M = "m"
    KM = "km"

@dataclass
class Place:
    name: str
    x: float
    y: float

# in a plane
def distance(a: Place, b: Place) -> float:
    return math.hypot(a.x - b.x, a.y - b.y)
"""

TOOLS = """%%mcp tool --read-only
def add(a: int, b: int = 2) -> int:
    "Add."
    return a + b

def words(text: str) -> list[str]:
    "Words."
    return re.findall(r"\\w+", text)

def convert(amount: float, currency: str) -> float:
    "Convert."
    return amount * RATES[currency]

def apart(x: float, y: float) -> float:
    "Distance from home."
    return distance(Place("home", 0, 0), Place("there", x, y))

def scale(value: float, unit: Unit) -> float:
    "Scale."
    return value * (1000 if unit is Unit.KM else 1)

def place(name: str) -> Place:
    "A place."
    return Place(name, 1, 2)

def primes(below: int) -> list[int]:
    "Primes."
    return [n for n in range(2, below) if all(n % d for d in range(2, math.isqrt(n) + 1))]

def pack(keys: list[str]) -> str:
    "As JSON."
    return json.dumps(dict.fromkeys(keys))

async def later(text: str) -> str:
    "Upper case."
    return text.upper()

def divide(a: float, b: float) -> float:
    "Divide."
    return a / b
"""

CALLS = (
    "add(1)", "add(1, b=5)", "words('a few words')", "convert(3, 'EUR')", "apart(3, 4)",
    "scale(2, 'km')", "place('here')", "primes(30)", "pack(['a', 'b'])", "later('x')",
    "divide(1, 2)", "divide(1, 0)",
)  # fmt: skip


def main(times: int = 3) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="mcp-bench-") as home:
        rig = KernelRig(Path(home), cache_environment())
        try:
            for cell in ("%load_ext mcp_notebook", HELPERS, TOOLS, "%mcp serve", "%mcp connect"):
                rig.run(cell, 120).check()
            for call in CALLS:
                rig.run(f"%mcp call {call}", 60).check()
            begun = time.perf_counter()
            rig.run("e = %mcp export --with websocket", 300).check()
            first = time.perf_counter() - begun
            took = []
            for _ in range(times):
                begun = time.perf_counter()
                rig.run("e = %mcp export --with websocket", 300).check()
                took.append(time.perf_counter() - begun)
            ok = rig.value("[e.ok, len(e.report.proof.roads), len(e.report.proof.plan.calls)]")
        finally:
            rig.stop()
    print(f"export and proof of 10 tools, {ok[2]} calls on {ok[1]} roads, proven: {ok[0]}")
    print(f"  {statistics.median(took):.1f} s (goal: {GOAL_S:g} s); the first time {first:.1f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
