"""What is measured: the arithmetic of measures and the dictionary."""
