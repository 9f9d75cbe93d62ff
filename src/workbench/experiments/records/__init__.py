"""Experiments as they are kept: documents, changes, decisions, assignments."""
