"""Services, a file each: what BentoML imports, in every worker and in the process that watches them.

The latter needs no model: so a file here names its endpoints in a function, which is called where they answer.
"""
