"""The model card of a version: what it is for, what it learned from, how well it does and for whom.

After Mitchell et al., "Model Cards for Model Reporting", FAT* 2019. Frames and figures in; content, pictures
and one HTML page out. A card holds figures of groups: no row, no pseudonym, and no figure of a named group of fewer
than twenty customers.
"""
