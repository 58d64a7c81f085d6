"""What the library costs: `python -m tests.bench` prints figures, and asserts nothing."""
