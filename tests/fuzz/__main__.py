"""``make fuzz``: every target under atheris for a while; ``python -m tests.fuzz TARGET FILE ...``.

Inputs that reached new code are kept in ``build/fuzz/TARGET/corpus`` and are where the next run
begins; what breaks a target is kept beside them, and named with the command that runs it again.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

from .seeds import seeds, tokens
from .targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "fuzz"
SITE = BUILD / "site"
HANGS_S = 20
"""A single input may take so long; libFuzzer calls it a hang then."""

MISSING = """atheris is not here and could not be installed: it has wheels for CPython on Linux.
The same targets run without it: FUZZ_EXAMPLES=20000 {python} -m pytest tests/fuzz"""


def installed() -> bool:
    """Bring atheris into a folder of its own: nothing but this needs it."""
    sys.path.append(str(SITE))
    if importlib.util.find_spec("atheris") is None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--only-binary=:all:", "--target", str(SITE), "atheris>=3"]
        subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
        importlib.invalidate_caches()
    return importlib.util.find_spec("atheris") is not None


def prepared(target: str) -> Path:
    """The folder of a target, with its seeds and its tokens in it."""
    folder = BUILD / target
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for data in seeds(target):
        (corpus / f"seed-{hashlib.sha1(data).hexdigest()[:16]}").write_bytes(data)
    words = ["".join(f"\\x{byte:02x}" for byte in token) for token in tokens(target) if token]
    (folder / "words").write_text("".join(f'"{word}"\n' for word in words), encoding="ascii")
    return folder


def fuzz(target: str, seconds: int) -> list[Path]:
    """Run one target; what broke it."""
    folder = prepared(target)
    began = time.time()
    command = [
        *(sys.executable, "-m", "tests.fuzz.engine", target, str(folder / "corpus")),
        *(f"-max_total_time={seconds}", f"-timeout={HANGS_S}", "-max_len=4096"),
        *(f"-artifact_prefix={folder}/", f"-dict={folder / 'words'}", "-rss_limit_mb=2048"),
    ]
    path = os.pathsep.join([str(SITE), os.environ.get("PYTHONPATH", "")])
    with (folder / "log").open("w", encoding="utf-8") as log:
        code = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, stdout=log, stderr=log
        ).returncode
    broke = [
        path
        for path in sorted(folder.iterdir())
        if path.name.startswith(("crash-", "timeout-", "oom-")) and path.stat().st_mtime >= began
    ]
    said = (folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
    done = next((line for line in reversed(said) if "cov:" in line), "nothing was run")
    print(f"{target:13} {done.strip()}", flush=True)
    if code and not broke:
        print("\n".join(said[-15:]))
        raise SystemExit(f"{target} ended with {code}: see {folder / 'log'}")
    for path in broke:
        print(f"  broke: {sys.executable} -m tests.fuzz {target} {path}", flush=True)
    return broke


def main() -> int:
    """Run the command line; 1 where a target broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("target", nargs="?", choices=sorted(TARGETS), help="only this one")
    parser.add_argument("file", nargs="*", type=Path, help="run these inputs, without atheris")
    options = parser.parse_args()
    for file in options.file:
        TARGETS[options.target](file.read_bytes())
    if options.file:
        print(f"{options.target}: kept what it owes for {len(options.file)} inputs")
        return 0
    if not installed():
        print(MISSING.format(python=sys.executable))
        return 1
    chosen = [options.target] if options.target else list(TARGETS)
    return 1 if [path for target in chosen for path in fuzz(target, options.seconds)] else 0


if __name__ == "__main__":
    raise SystemExit(main())
