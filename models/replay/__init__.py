"""What a replay came to: rewards of the arms, policies compared on the same rows, and the report as one page."""
