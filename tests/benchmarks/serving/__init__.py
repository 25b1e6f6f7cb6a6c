"""The services measured: `make bench ONLY=serving` and its parts. Decision 0032 says what is compared, and how."""
