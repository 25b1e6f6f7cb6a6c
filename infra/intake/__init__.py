"""From what a source hands over to the raw zone: reading, judging, landing."""
