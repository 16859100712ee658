"""A scalar function is read into an expression, and that becomes arrays, a compiled loop, or ops."""
