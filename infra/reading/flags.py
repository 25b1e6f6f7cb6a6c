"""Truth values as exports write them, beyond true and false, 1 and 0."""

_YES = (
    "yes",
    "y",
    "ja",
    "j",
    "oui",
    "o",
    "si",
    "sí",
    "s",
    "sim",
    "x",
    "on",
    "1.0",
    "是",
    "clicked",
    "granted",
    "opt-in",
)
_NO = ("no", "n", "nein", "non", "não", "nao", "off", "0.0", "否", "denied", "opt-out")


def expression(text: str) -> str:
    """SQL of the truth value that a text stands for; NULL when it stands for none."""
    yes, no = (", ".join(f"'{word}'" for word in words) for words in (_YES, _NO))
    return f"CASE WHEN lower({text}) IN ({yes}) THEN true WHEN lower({text}) IN ({no}) THEN false END"
