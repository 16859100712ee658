"""A scalar function, read once: an expression, and what becomes of it."""
