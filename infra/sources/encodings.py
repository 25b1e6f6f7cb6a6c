"""Which encoding a file of text has, and whether DuckDB can read it as it lies there."""

import codecs
from pathlib import Path

import charset_normalizer

from infra.errors import AimloopError
from infra.sources.transcoded import opened

_SAMPLE_BYTES = 1 << 20
_PIECE = 1 << 22
_LONGEST_LINE = 30 << 20  # of a longer one DuckDB says nothing at all
_BOMS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

# Few bytes often fit several encodings equally well: then the first of these counts.
_LIKELY = ("gb18030", "big5", "cp932", "euc_kr", "cp1252", "cp1251", "cp1250")
_REMOTE = ("utf-8", "utf-16", "latin-1")


def of_file(path: str, told: str | None) -> str:
    """The encoding by its Python name: what the settings say, else what the first megabyte shows.

    Raises:
        AimloopError: there is none of that name, or the file is no text.
    """
    if told:
        return _known(told)
    if path.startswith("s3://"):
        return "utf-8"
    with opened(Path(path)) as file:
        sample = file.read(_SAMPLE_BYTES)
    encoding = _by_marks(sample) or _by_letters(sample)
    _refuse_binary(path, sample.decode(encoding, "replace"))
    return encoding


def _known(told: str) -> str:
    try:
        name = codecs.lookup(told.strip()).name
        "".encode(name)
    except (LookupError, ValueError):
        raise AimloopError(
            f"there is no encoding '{told}'", f"known are utf-8, utf-16 and {', '.join(_LIKELY)}, among others"
        ) from None
    return {"iso8859-1": "latin-1"}.get(name, name)


def _by_marks(sample: bytes) -> str | None:
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):  # Latin letters: every other byte is 0
        if (
            len(sample) > 3
            and sample[start::2].count(0) > 0.6 * (len(sample) // 2)
            and sample[1 - start :: 2].count(0) == 0
        ):
            return encoding
    return None


def _by_letters(sample: bytes) -> str:
    try:
        (sample[: sample.rfind(b"\n") + 1] or sample).decode("utf-8")
    except UnicodeDecodeError:
        found = charset_normalizer.from_bytes(sample[:65536], cp_isolation=list(_LIKELY))
        fitting = [
            (round(match.chaos, 1), _LIKELY.index(encoding))
            for match in found
            for encoding in match.could_be_from_charset
            if encoding in _LIKELY
        ]
        return _LIKELY[min(fitting)[1]] if fitting else "cp1252"
    return "utf-8"


def _refuse_binary(path: str, text: str) -> None:
    control = sum(not (letter.isprintable() or letter in "\t\r\n\f\v\u3000\xa0\ufeff") for letter in text[:65536])
    if control > 0.02 * len(text[:65536]) + 3:
        raise AimloopError(f"{path} is no text file", "is it really CSV? Export it anew, or give its encoding")


def is_plain(path: str, encoding: str) -> bool:
    """UTF-8 with one kind of line end and no NUL: DuckDB reads that by itself, and fast.

    Raises:
        AimloopError: the file lies in an object store and has an encoding that DuckDB does not know, or a line is
            too long.
    """
    if path.startswith("s3://"):
        if encoding not in _REMOTE:
            raise AimloopError(
                f"{path} is in {encoding}: in an object store only {', '.join(_REMOTE)} can be read",
                "convert it, or copy it to a folder",
            )
        return True
    if encoding not in ("utf-8", "ascii"):
        return False
    newlines = returns = pairs = open_line = 0
    before = b""
    with opened(Path(path)) as file:
        while piece := file.read(_PIECE):
            if b"\0" in piece:
                return False
            ends = [place for end in (b"\n", b"\r") if (place := piece.find(end)) >= 0]
            if open_line + min(ends, default=len(piece)) > _LONGEST_LINE:
                raise AimloopError(
                    f"{path} has a line of more than {_LONGEST_LINE >> 20} MB, after {newlines:,} others",
                    "is it the right file? Mend the line, or export it anew",
                )
            open_line = len(piece) - 1 - max(piece.rfind(b"\n"), piece.rfind(b"\r")) + (0 if ends else open_line)
            if returns or b"\r" in piece:
                returns += piece.count(b"\r")
                pairs += piece.count(b"\r\n") + (before == b"\r" and piece[:1] == b"\n")
            newlines += piece.count(b"\n")
            before = piece[-1:]
    return returns == 0 or newlines == returns == pairs or newlines == 0
