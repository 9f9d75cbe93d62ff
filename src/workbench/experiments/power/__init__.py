"""How many users a test needs, and for how long."""
