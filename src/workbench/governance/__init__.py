"""Who may see and do what: names, masking, roles, consent, audit."""
