"""The bundle of the flow view: what it was built from, and its size. No Node is needed."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from pathlib import Path

import pytest

from tests.structure.house import PACKAGE, ROOT

WIDGETS = ROOT / "widgets"
STATIC = PACKAGE / "show" / "static"
MAX_BYTES = 100_000


def sources_hash() -> str:
    """The same as in widgets/build.mjs: of each file its name, NUL, its bytes, NUL."""
    files = [path for path in (WIDGETS / "src").rglob("*") if path.is_file()]
    files += [WIDGETS / name for name in ("build.mjs", "pack.mjs", "package-lock.json")]
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(WIDGETS).as_posix(), path) for path in files):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def unpacked() -> str:
    """The code of the bundle, which flow.js holds deflated."""
    text = (STATIC / "flow.js").read_text(encoding="utf-8")
    found = re.search(r'^const packed = "([A-Za-z0-9+/=]+)";$', text, re.MULTILINE)
    assert found is not None
    return zlib.decompress(base64.b64decode(found[1]), wbits=-zlib.MAX_WBITS).decode()


@pytest.mark.parametrize("name", ["flow.js", "flow.css"])
def test_the_bundle_was_built_from_the_sources_that_are_here(name: str) -> None:
    first = (STATIC / name).read_text(encoding="utf-8").partition("\n")[0]
    found = re.search(r"built from widgets/src sha256:([0-9a-f]{64})", first)

    assert found is not None
    assert found[1] == sources_hash(), "stale: run `npm run build` in widgets/"


def test_the_bundle_stays_small() -> None:
    assert sum((STATIC / name).stat().st_size for name in ("flow.js", "flow.css")) <= MAX_BYTES


def test_the_bundle_can_stand_in_a_page() -> None:
    text = (STATIC / "flow.js").read_text(encoding="utf-8")

    assert "</script" not in text.lower()
    assert "<!--" not in text


def test_the_bundle_asks_nobody() -> None:
    for text in (unpacked(), (STATIC / "flow.css").read_text(encoding="utf-8")):
        assert not re.findall(r"\bfetch\(|XMLHttpRequest|WebSocket\(|import\(|@import|url\(", text)
        addresses = set(re.findall(r"https?://[\w./-]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}


def test_what_unpacks_the_bundle_does_nothing_else() -> None:
    text = (STATIC / "flow.js").read_text(encoding="utf-8")
    assert re.sub(r'"[A-Za-z0-9+/=]+";', '"...";', text).splitlines()[1:] == [
        'const packed = "...";',
        "const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));",
        "const plain = new Blob([bytes]).stream()"
        '.pipeThrough(new DecompressionStream("deflate-raw"));',
        'const code = new Blob([await new Response(plain).text()], { type: "text/javascript" });',
        "const place = URL.createObjectURL(code);",
        "const bundle = await import(place);",
        "URL.revokeObjectURL(place);",
        "export default bundle.default;",
    ]


def test_no_source_of_the_view_writes_html() -> None:
    pattern = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\("
    )
    offenders = [
        str(path.relative_to(ROOT))
        for path in (WIDGETS / "src").rglob("*.ts")
        if pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert offenders == []


def test_the_widgets_need_nothing_at_run_time() -> None:
    import json

    package = json.loads((WIDGETS / "package.json").read_text(encoding="utf-8"))
    assert "dependencies" not in package
    versions: dict[str, str] = package["devDependencies"]
    assert [v for v in versions.values() if not re.fullmatch(r"\d+\.\d+\.\d+", v)] == []


def test_a_module_of_the_view_has_one_subject() -> None:
    lengths = {
        str(path.relative_to(WIDGETS)): len(path.read_text(encoding="utf-8").splitlines())
        for path in Path(WIDGETS / "src").rglob("*.ts")
    }
    assert {name: n for name, n in lengths.items() if n > 400} == {}
