"""The workbench of a process, where nobody made one."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from mcp_notebook.runtime import current


def test_threads_that_need_the_first_workbench_get_the_same_one() -> None:
    together = Barrier(8)

    def needed(_: int) -> int:
        together.wait(10)
        return id(current.current())

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(needed, range(8)))
    finally:
        sys.setswitchinterval(before)
        made = current.adopted()
        assert made is not None
        made.close()
    assert found == {id(made)}
