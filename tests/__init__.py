"""The tests: they mirror the package; `rigs` starts the kernels and browsers they need."""
