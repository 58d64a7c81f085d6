"""Any bytes in any split: events or a typed error, the same for every split.

A few hundred examples; ``FUZZ_EXAMPLES=20000 pytest tests/fuzz`` tries more, and ``make fuzz``
lets the coverage of the decoders lead the way.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .found import FOUND
from .mangling import inputs
from .seeds import seeds
from .splitting import same_in_every_split
from .targets import TARGETS

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))

UNHURRIED = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)


@pytest.mark.parametrize("target", TARGETS)
def test_what_a_target_begins_with_keeps_what_is_owed(target: str) -> None:
    for data in seeds(target)[:: 1 if EXAMPLES > 1000 else 10]:
        TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_any_bytes_keep_what_is_owed(target: str) -> None:
    @UNHURRIED
    @given(inputs(target))
    def run(data: bytes) -> None:
        TARGETS[target](data)

    run()


@pytest.mark.parametrize(("target", "data"), FOUND)
def test_what_was_found_once_stays_mended(target: str, data: bytes) -> None:
    TARGETS[target](data)


@given(st.binary(max_size=50))
def test_a_reader_that_depends_on_the_split_is_found_out(data: bytes) -> None:
    stream, pieces = same_in_every_split(data, b"".join)
    assert pieces == stream == data[2:]
    if len(stream) > 1:
        with pytest.raises(AssertionError, match="pieces"):
            same_in_every_split(data, len)
