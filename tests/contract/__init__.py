"""What this package relies on in other packages, below their public surface."""
