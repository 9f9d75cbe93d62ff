"""Impressions shared out while they are learned from."""
