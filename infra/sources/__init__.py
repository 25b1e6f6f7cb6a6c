"""Sources: one file each, all of the same shape; `catalog.py` lists them."""
