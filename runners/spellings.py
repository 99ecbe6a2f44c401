"""How a secret text may be written where it turns up: as it is, or escaped as URLs, JSON, Python, HTML, hex, base64 do.

An escaper may leave some characters as they are and escape the others, and a text may be escaped several times over; so
each character that any of them escapes is looked for in all its forms.
"""

from __future__ import annotations

import re
from base64 import b64encode
from html import escape

_ESCAPED_BY_A_LETTER = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
_BASE64 = {"+": r"(?:[+\-]|%2[Bb])", "/": r"(?:\\*[/_]|%2[Ff])"}
_TELLING = 4  # characters in base64, of at least 3 bytes; less would be found where the secret is not
_BACKSLASHES = r"(?:\\++|(?<=\\))"  # one at least, which may belong to the character before as well


def spellings(text: str) -> list[re.Pattern[str]]:
    """Return what matches a text in any of its spellings; in time that grows with what is looked through."""
    raw = text.encode("utf-8", "surrogatepass")
    pieces = re.findall(r"\\+|[^\\]", text, re.DOTALL)
    begin = "" if text[:1].isalnum() else r"(?<!\\)"  # or each of many backslashes would be begun with
    patterns = [begin + "".join(map(_spelled, pieces)), raw.hex(), raw.hex().upper()]
    patterns += ["".join(_BASE64.get(each, each) for each in part) for part in _base64_parts(raw)]
    return [re.compile(pattern) for pattern in patterns]


def _spelled(piece: str) -> str:
    """Return the pattern of a character, or of several backslashes."""
    if piece.isascii() and piece.isalnum():
        return piece
    if piece[0] == "\\":  # however often they were escaped, they only become more
        return rf"(?:\\|%(?:25)*5[Cc]){{{len(piece)},}}+"
    units = piece.encode("utf-16-be", "surrogatepass")
    in_utf8 = piece.encode("utf-8", "surrogatepass")
    forms = [
        r"\\*+" + re.escape(piece),
        "".join(f"%(?:25)*(?i:{byte:02x})" for byte in in_utf8),
        "".join(rf"{_BACKSLASHES}(?i:x{byte:02x})" for byte in in_utf8),
        "".join(rf"{_BACKSLASHES}u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2)),
        rf"{_BACKSLASHES}U(?i:{ord(piece):08x})",
        f"&(?:amp;)*#(?:{ord(piece)}|[xX]0*(?i:{ord(piece):x}));",
    ]
    if ord(piece) < 256:  # noqa: PLR2004  # Python writes these in two digits
        forms.append(rf"{_BACKSLASHES}(?i:x{ord(piece):02x})")
    if piece in _ESCAPED_BY_A_LETTER:
        forms.append(rf"{_BACKSLASHES}{_ESCAPED_BY_A_LETTER[piece]}")
    if piece == " ":
        forms.append(r"\+")
    if (named := escape(piece)) != piece:
        forms.append(f"&(?:amp;)*{named[1:]}")
    return f"(?:{'|'.join(forms)})"


def _base64_parts(raw: bytes) -> list[str]:
    """Return what all texts in base64 that contain these bytes have in common, by where in three bytes they begin."""
    parts = []
    for offset in range(3):
        encoded = b64encode(bytes(offset) + raw).decode()
        whole = (offset + len(raw)) * 8 // 6  # characters that the bytes after have no part in
        part = encoded[-(-offset * 8 // 6) : whole]
        if len(part) >= _TELLING:
            parts.append(part)
    return parts
