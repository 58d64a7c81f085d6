"""Any bytes in any split: what the decoders owe for them, tried by hypothesis and by atheris."""
