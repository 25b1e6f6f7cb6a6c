"""What texts mean: numbers, times and truth values in the ways that exports write them."""
