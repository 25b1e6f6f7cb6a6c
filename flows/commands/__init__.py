"""The commands of `aimloop`, a file for each kind of work; `flows.cli` gathers them."""
