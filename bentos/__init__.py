"""Services: a file each, and one front door that serves them all."""
