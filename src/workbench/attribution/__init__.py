"""Which touches earn the credit."""
