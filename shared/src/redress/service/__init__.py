"""A service as a whole: its program, and the operations that a person carries out by it."""
