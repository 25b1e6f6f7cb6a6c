"""Pure judgements: evidence in, verdicts with reasons out."""
