"""Plans (a network prepared for one input shape) and the executor that runs them."""
