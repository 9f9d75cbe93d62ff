"""What advertising in some regions caused: the others show what would have happened."""
