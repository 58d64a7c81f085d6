"""What bytes mean: sans-I/O decoders. They neither open, await nor sleep."""
