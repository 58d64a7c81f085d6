"""Valid input, mangled: the strategies of hypothesis for the targets."""

from __future__ import annotations

from hypothesis import strategies as st

from .seeds import seeds, tokens

PLACES = st.integers(0, 1 << 16)


@st.composite
def mangled(draw: st.DrawFn, target: str) -> bytes:
    """An input that a target begins with, after a few changes."""
    data = draw(st.sampled_from(seeds(target)))
    for _ in range(draw(st.integers(0, 5))):
        low, high = sorted(draw(PLACES) % (len(data) + 1) for _ in range(2))
        match draw(st.integers(0, 5)):
            case 0:
                data = data[:low] + data[high:]
            case 1:
                data = data[:high] + data[low:high] + data[high:]
            case 2:
                data = data[:low] + draw(st.sampled_from(tokens(target))) + data[low:]
            case 3:
                data = data[:low] + bytes([draw(st.integers(0, 255))]) + data[low + 1 :]
            case 4:
                other = draw(st.sampled_from(seeds(target)))
                data = data[:low] + other[draw(PLACES) % (len(other) + 1) :]
            case _:
                data = data[:high] + draw(st.binary(max_size=8)) + data[high:]
    return data


def inputs(target: str) -> st.SearchStrategy[bytes]:
    """Mangled input, pieces of the format in any order, and any bytes."""
    pieces = st.lists(st.sampled_from(tokens(target)), max_size=20).map(b"".join)
    return mangled(target) | pieces | st.binary(max_size=200)
