"""From users to a verdict."""
