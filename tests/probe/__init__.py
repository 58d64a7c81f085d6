"""The check-up of transports."""
