"""Brings the foreign programs of these tests into build/peers: ``python -m tests.peers.install``.

Versions are pinned in this folder: ``package-lock.json`` for npm, ``requirements/*.txt`` for pip.
What is there and still fits its pins is left alone, so a second run takes no time; one that runs
beside another waits for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
STORE = HERE.parents[1] / "build" / "peers"
NODE_FILES = [HERE / name for name in ("package.json", "package-lock.json", ".npmrc")]
ENVIRONMENTS = sorted((HERE / "requirements").glob("*.txt"))


def fingerprint(files: Iterable[Path]) -> str:
    """What the pins say, as one word; another Python makes another environment."""
    told = hashlib.sha256(sys.version.encode())
    for file in files:
        told.update(file.read_bytes())
    return told.hexdigest()


def stamp(name: str) -> Path:
    """The file that says which pins an environment was made from."""
    return STORE / name / ".made-from"


def fits(name: str, files: Iterable[Path]) -> bool:
    """Whether an environment is there and made from these pins."""
    made = stamp(name)
    return made.is_file() and made.read_text(encoding="utf-8") == fingerprint(files)


def missing() -> list[str]:
    """The environments that are not there, or older than their pins."""
    wanted = {"node": NODE_FILES, **{file.stem: [file] for file in ENVIRONMENTS}}
    return [name for name, files in wanted.items() if not fits(name, files)]


def install_node(folder: Path) -> None:
    """Bring the packages of npm, a newer Node among them."""
    for file in NODE_FILES:
        shutil.copy(file, folder)
    # not `npm ci`: it refuses a lock without the packages of platforms that a registry lacks
    subprocess.run(
        ["npm", "install", "--no-save", "--no-fund", "--no-audit", "--loglevel=error"],
        cwd=folder,
        check=True,
    )


def install_python(folder: Path, pins: Path) -> None:
    """Make a virtual environment of its own; filled by the pip of this one, which saves seconds."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder)]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "-r", str(pins)], check=True)


def install(name: str) -> str | None:
    """Bring one of them; says what went wrong, if anything did."""
    began = time.monotonic()
    folder = STORE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pins = HERE / "requirements" / f"{name}.txt"
    if name == "node" and shutil.which("npm") is None:
        return "npm is not here: install Node 20 or newer"
    try:
        if name == "node":
            install_node(folder)
        else:
            install_python(folder, pins)
    except subprocess.CalledProcessError as failed:
        return f"{failed.cmd[0]} ended with {failed.returncode}"
    stamp(name).write_text(fingerprint(NODE_FILES if name == "node" else [pins]), encoding="utf-8")
    print(f"{name}: installed in {time.monotonic() - began:.0f} s", flush=True)
    return None


@contextmanager
def alone() -> Iterator[None]:
    """One at a time: the lock ends with its process, however that ends."""
    STORE.mkdir(parents=True, exist_ok=True)
    with (STORE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Bring what is missing, all at once: they wait for the network more than they work."""
    with alone():
        names = missing()
        with ThreadPoolExecutor(len(names) or 1) as pool:
            under_way = {name: pool.submit(install, name) for name in names}
        wrong = {name: why for name, done in under_way.items() if (why := done.result())}
    for name, why in wrong.items():
        print(f"{name}: {why}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
