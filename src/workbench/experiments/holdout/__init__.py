"""What campaigns caused, from the users they kept out."""
