"""Doors to the world: one flow a verb, `cycle` calls them in order, `cli` is a thin front."""
