"""Each entry leaves its notebook as its header says; what leaves does what it did there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.handoff.corpus.entries import Entry, corpus
from tests.handoff.corpus.notebook import Notebooks
from tests.handoff.corpus.servers import Servers
from tests.handoff.corpus.verdicts import Verdict, judge, table

pytestmark = [pytest.mark.slow, pytest.mark.kernel, pytest.mark.timeout(600)]

ENTRIES = corpus()
EXPORTED_AT_LEAST = 30


class Judged:
    """The verdicts, each reached when it is first asked for, in one kernel and one nursery."""

    def __init__(self, notebooks: Notebooks, servers: Servers) -> None:
        self._notebooks = notebooks
        self._servers = servers
        self._found: dict[str, Verdict] = {}

    def __call__(self, entry: Entry) -> Verdict:
        if entry.name not in self._found:
            played = self._notebooks.play(entry)
            self._found[entry.name] = judge(entry, played, self._servers)
        return self._found[entry.name]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    home = tmp_path_factory.mktemp("corpus")
    servers = Servers(home / "servers")
    try:
        notebooks = Notebooks(home)
        try:
            yield Judged(notebooks, servers)
        finally:
            notebooks.stop()
    finally:
        servers.stop()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_it_leaves_as_its_header_says(entry: Entry, judged: Judged) -> None:
    verdict = judged(entry)
    assert verdict.right, "\n".join([entry.get("why", entry.name), *verdict.faults])


def test_none_is_exported_wrong(judged: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = [judged(entry) for entry in ENTRIES]
    with capsys.disabled():
        print(f"\n{table(verdicts)}")
    became = Counter(verdict.became for verdict in verdicts)
    assert became["wrong"] == became["broken"] == 0
    assert became["exported"] >= EXPORTED_AT_LEAST
