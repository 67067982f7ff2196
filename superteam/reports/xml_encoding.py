"""Feeds expat UTF-8 of documents in the encodings that it does not know, and skips blanks before the declaration."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

_HEAD = 1024  # bytes in which the declaration ends
_DECLARATION = re.compile(rb"<\?xml\b[^>]{0,500}\?>")
_ENCODING = re.compile(rb"""encoding\s{0,20}=\s{0,20}["']([A-Za-z][A-Za-z0-9._:-]{0,40})["']""")
# What a document declares, by the name that Python has for it: the encoding that writers of such documents really use.
_READ_AS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "shift_jis": "cp932",
    "cp932": "cp932",
    "euc_jp": "euc_jp",
    "iso2022_jp": "iso2022_jp",
    "euc_kr": "cp949",
    "cp949": "cp949",
    "big5": "cp950",
    "cp950": "cp950",
    "big5hkscs": "big5hkscs",
    **{f"cp{number}": f"cp{number}" for number in (437, 850, 852, 855, 857, 866, 874)},
    **{f"cp{number}": f"cp{number}" for number in range(1250, 1259)},
    **{f"iso8859-{number}": f"iso8859_{number}" for number in range(2, 17) if number != 12},
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
    "mac-roman": "mac_roman",
    "tis-620": "cp874",
}
# Names that Python does not have in each version.
_ALSO = {"windows-31j": "cp932", "ms932": "cp932", "ms936": "gbk", "x-gbk": "gbk", "ms949": "cp949", "ms950": "cp950"}
_ALSO |= {"x-windows-949": "cp949", "windows-949": "cp949", "x-windows-950": "cp950", "x-sjis": "cp932"}


class XmlBytes:
    """The bytes of a document as expat can read them."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ended = False
        head = stream.read(_HEAD)
        while head and not head.strip():
            head = stream.read(_HEAD)
        head = head if head[:2] in (b"\xff\xfe", b"\xfe\xff") else head.lstrip(b" \t\r\n")
        head, encoding = _without_declaration(head)
        self._decoder = None if encoding is None else codecs.getincrementaldecoder(encoding)("replace")
        self._head = self._utf8(head)

    def read(self, size: int) -> bytes:
        """Returns about `size` bytes; empty only at the end."""
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        while not self._ended:
            chunk = self._stream.read(size)
            self._ended = not chunk
            if found := self._utf8(chunk):
                return found
        return b""

    def _utf8(self, data: bytes) -> bytes:
        if self._decoder is None:
            return data
        return self._decoder.decode(data, self._ended).encode("utf-8", "replace")


def _without_declaration(head: bytes) -> tuple[bytes, str | None]:
    """Returns the head and None where expat knows the encoding; else without the declaration, which would be wrong."""
    declaration = _DECLARATION.match(head)
    declared = _ENCODING.search(declaration[0]) if declaration else None
    if declaration is None or declared is None:
        return head, None
    name = declared[1].decode("ascii").lower()
    try:
        name = codecs.lookup(_ALSO.get(name, name)).name
    except LookupError:
        return head, None
    encoding = _READ_AS.get(name)
    # Lines are counted in messages, so the declaration's own place stays blank.
    return (head, None) if encoding is None else (b" " * len(declaration[0]) + head[declaration.end() :], encoding)
