"""Replay: the loop run through the past, with the real services asked over HTTP (`story` tells it in order)."""
