"""Who the customers are."""
