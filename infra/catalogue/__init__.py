"""What the project says of itself: its tables, its columns, and where they come from."""
