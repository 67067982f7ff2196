"""Reports in the encodings of other systems, and halves of surrogate pairs: read, never a crash."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from superteam.core.results import Completeness, TestReport
from superteam.reports.formats import read_file, reader, recognise

TEXTS = {
    "GBK": "断言失败",
    "GB2312": "断言失败",
    "gb18030": "断言失败 🙂",
    "Shift_JIS": "表示に失敗",  # its second bytes hold backslashes
    "EUC-JP": "表示に失敗",
    "EUC-KR": "단언 실패",
    "Big5": "斷言失敗 功",
    "windows-1251": "не сошлось",
    "windows-1252": "naïve – “no”",
    "ISO-8859-1": "naïve",
    "ISO-8859-15": "10 €",
    "KOI8-R": "не сошлось",
    "UTF-16": "断言失败",
    "UTF-8": "断言失败",
}


def junit(encoding: str, text: str, tests: int = 1) -> str:
    cases = f'<testcase classname="a" name="{text}"><failure message="{text}">{text}</failure></testcase>' * tests
    return f'<?xml version="1.0" encoding="{encoding}"?>\n<testsuite name="s" tests="{tests}">{cases}</testsuite>'


def read(data: bytes, format: str = "junit") -> TestReport:
    return reader(format).read(io.BytesIO(data))


@pytest.mark.parametrize(
    ("declared", "encoding", "text"),
    [("Windows-31J", "cp932", "価格① 違"), ("MS932", "cp932", "髙い"), ("x-windows-949", "cp949", "단언 똠")],
)
def test_a_document_is_read_in_an_encoding_that_goes_by_another_name(declared: str, encoding: str, text: str) -> None:
    found = read(junit(declared, text).encode(encoding))
    assert [id.rpartition("::")[2] for id in found.tests] == [text], found.damage


@pytest.mark.parametrize("encoding", TEXTS)
def test_a_document_is_read_in_the_encoding_it_declares(encoding: str) -> None:
    found = read(junit(encoding, TEXTS[encoding]).encode(encoding))
    assert found.completeness is Completeness.COMPLETE, found.damage
    ((id, test),) = found.tests.items()
    assert TEXTS[encoding] in id and TEXTS[encoding] in test.message


def test_a_long_document_is_cut_between_no_characters() -> None:
    found = read(junit("GBK", "断言失败x", 6000).encode("GBK"))
    assert found.completeness is Completeness.COMPLETE
    assert len(found.tests) == 6000
    assert all("断言失败x" in id for id in found.tests)


def test_bytes_that_are_none_of_the_encoding_cost_no_test() -> None:
    data = junit("GBK", "XX", 2).encode().replace(b"XX", b"a\xff\xff", 3)
    found = read(data)
    assert found.completeness is Completeness.COMPLETE
    assert len(found.tests) == 2


def test_an_unknown_encoding_is_damage() -> None:
    assert read(junit("x-unheard-of", "a").encode()).completeness is not Completeness.COMPLETE


def test_a_document_type_is_refused_in_any_encoding() -> None:
    text = '<?xml version="1.0" encoding="GBK"?><!DOCTYPE a [<!ENTITY b "c">]><testsuite name="&b;"/>'
    assert read(text.encode("gbk")).damage == "it has a document type"


@pytest.mark.parametrize("before", ["\n", "\r\n  ", " " * 3000])
def test_blanks_before_the_declaration_are_skipped(before: str, tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_text(before + junit("UTF-8", "a"))
    assert recognise(path) == "junit"
    assert read_file(path, "junit").completeness is Completeness.COMPLETE


HALF = "cut \ud83d here"


def test_half_a_pair_in_an_id_or_a_message_is_written_as_its_escape() -> None:
    lines = [
        {"Action": "run", "Package": "p", "Test": f"Test/{HALF}"},
        {"Action": "output", "Package": "p", "Test": f"Test/{HALF}", "Output": HALF},
        {"Action": "fail", "Package": "p", "Test": f"Test/{HALF}"},
        {"Action": "fail", "Package": "p"},
    ]
    found = read("".join(json.dumps(line) + "\n" for line in lines).encode(), "go")
    ((id, test),) = found.tests.items()
    assert "cut \\ud83d here" in id and "cut \\ud83d here" in test.message
    (id + test.message + test.signature).encode()


def test_ids_that_differ_in_half_a_pair_stay_apart() -> None:
    names = [f"Test/{half}" for half in "\ud83d\ud83e"]
    lines = [{"Action": action, "Package": "p", "Test": name} for name in names for action in ("run", "pass")]
    found = read(
        "".join(json.dumps(line) + "\n" for line in [*lines, {"Action": "pass", "Package": "p"}]).encode(), "go"
    )
    assert len(found.tests) == 2 and not any("#2" in id for id in found.tests)
