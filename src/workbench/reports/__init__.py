"""Runs, receipts, published reports."""
