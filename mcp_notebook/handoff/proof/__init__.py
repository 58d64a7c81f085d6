"""The proof: the exported file in a clean environment answers as the notebook did."""
