"""Bad input as data, and what is due for each."""
