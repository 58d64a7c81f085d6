"""How a cell speaks; the only floor that imports IPython."""
