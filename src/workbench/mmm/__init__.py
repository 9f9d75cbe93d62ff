"""What each medium contributes."""
