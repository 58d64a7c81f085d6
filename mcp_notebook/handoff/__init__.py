"""From the notebook to a real server: what leaves, how it is written, and the proof."""
