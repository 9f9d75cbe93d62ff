"""How results look: one theme, one function per result."""
