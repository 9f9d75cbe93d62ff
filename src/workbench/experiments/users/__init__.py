"""Who is in which variant, and what each user did."""
