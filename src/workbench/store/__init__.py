"""Where data lives: the only room that reads and writes it."""
