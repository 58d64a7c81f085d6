"""What the articles say of the transports: their tables and flows as data, judged by readings."""
