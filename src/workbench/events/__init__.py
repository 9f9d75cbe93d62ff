"""What can happen: event types, tables, checks, mappings, simulation."""
