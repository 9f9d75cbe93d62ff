"""Who is moved by a campaign."""
