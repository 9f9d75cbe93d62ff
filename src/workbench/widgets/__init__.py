"""What a person can move."""
