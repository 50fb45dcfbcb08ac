"""Odd file names: taken where the content is fine, shown and given back as names that can do no harm."""

from __future__ import annotations

import unicodedata
from email.message import Message
from urllib.parse import unquote

import pytest

from tests.bad_input.site import (
    GOOD,
    Reader,
    in_chinese,
    is_counted_once,
    is_judged_as_ever,
    kept,
    multipart,
    nothing_new_is_kept,
    post_raw,
)
from tests.stack import Stack

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

# What stands in the Content-Disposition, byte for byte, and the name that is kept.
ODD = {
    "spaces": (b'filename="  my   best model .csv"', "my best model .csv"),
    "tab": (b'filename="a\tb.csv"', "ab.csv"),
    "right to left": ('filename="vsc.exe\u202egpj.csv"'.encode(), "vsc.exegpj.csv"),
    "isolates and joiners": ('filename="\u2066a\u200b\u200d\ufeffb\u2069.csv"'.encode(), "ab.csv"),
    "Hebrew": (b"filename*=UTF-8''%D7%A9%D7%9C%D7%95%D7%9D.csv", "שלום.csv"),
    "newline": (b"filename*=UTF-8''a%0Ab%0D%0AX-Evil%3A%201.csv", "abX-Evil: 1.csv"),
    "NUL": (b"filename*=UTF-8''a%00b.csv", "ab.csv"),
    "NUL before another ending": (b"filename*=UTF-8''a.exe%00.csv", "a.exe.csv"),
    "escape codes": (b"filename*=UTF-8''%1B%5B31mred.csv", "[31mred.csv"),
    "upwards": (b'filename="../../../etc/cron.d/x.csv"', "x.csv"),
    "upwards in disguise": (b"filename*=UTF-8''..%2F..%2Fx.csv", "x.csv"),
    "dots": (b'filename="...hidden.csv..."', "hidden.csv"),
    "Windows path": (b'filename="C:\\\\Users\\\\me\\\\x.csv"', "x.csv"),
    "Windows share": (b"filename*=UTF-8''%5C%5Chost%5Cc%24%5Cx.csv", "x.csv"),
    "300 characters": (b'filename="' + b"n" * 296 + b'.csv"', "n" * 116 + ".csv"),
    "300 Chinese characters": (b'filename="' + "数".encode() * 296 + b'.csv"', "数" * 78 + ".csv"),
    "emoji": ('filename="🚀🔥.csv"'.encode(), "🚀🔥.csv"),
    "quotes": (b'filename="it\'s \\"mine\\".csv"', 'it\'s "mine".csv'),
    "quotes and a header": (b"filename*=UTF-8''x%22%3B%20filename%3D%22y.csv", 'x"; filename="y.csv'),
    "markup": (b'filename="<img src=x onerror=alert(1)>.csv"', "<img src=x onerror=alert(1)>.csv"),
    "template": (b'filename="{{ 7*7 }}{% now %}.csv"', "{{ 7*7 }}{% now %}.csv"),
    "shell": (b'filename="$(reboot);`id`|x&.csv"', "$(reboot);`id`|x&.csv"),
    "percent": (b'filename="100%s%(x)s%n.csv"', "100%s%(x)s%n.csv"),
    "capitals": (b'filename="SUBMISSION.CSV"', "SUBMISSION.CSV"),
    "surrogate": (b"filename*=UTF-8''%ED%A0%80x.csv", "���x.csv"),
    "decomposed": (b"filename*=UTF-8''cafe%CC%81.csv", "café.csv"),
    "device": (b'filename="CON.csv"', "CON.csv"),
}
NAMELESS = {
    "only the ending": b'filename=".csv"',
    "no ending": b'filename="predictions"',
    "another ending": b'filename="predictions.csv.exe"',
    "ending after 300": b'filename="x.' + b"n" * 300 + b'"',
}
# To Django these are forms without a file.
NO_NAME = {
    "not UTF-8": b'filename="caf\xe9.csv"',
    "a folder": b'filename="x.csv/.."',
    "only a path": b'filename="/.csv/"',
    "empty": b'filename=""',
}


def saved_as(disposition: str) -> str:
    """The name a browser saves a download under, by the header's own rules."""
    message = Message()
    message["Content-Disposition"] = disposition
    name = message.get_filename()
    assert name is not None
    return unquote(name)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_is_kept_harmless_and_given_back(site: Stack, reader: Reader, name: str) -> None:
    disposition, stored = ODD[name]
    answer = post_raw(site, multipart(GOOD.encode(), disposition), contest="exact")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["filename"] == stored
    assert len(stored.encode()) <= 240
    assert not [c for c in stored if unicodedata.category(c)[0] == "C" or c in "/\\"]
    assert stored in reader.submission(made["id"])
    given = reader.http.get(f"/submissions/{made['id']}/source/")
    assert given.content == GOOD.encode()
    assert "x-evil" not in given.headers
    assert saved_as(given.headers["content-disposition"]) == stored
    assert site.wait_verdict(made["id"])["public_score"] == 0.0
    is_counted_once(site, made["id"])


@pytest.mark.parametrize("name", NAMELESS)
def test_a_name_that_tells_no_kind_is_refused_by_naming_the_endings(site: Stack, name: str) -> None:
    before = kept(site)
    refused = post_raw(site, multipart(GOOD.encode(), NAMELESS[name]), contest="exact")
    assert refused.status_code == 400
    assert refused.json()["detail"] == "This task takes files that end in: .csv, .py"
    nothing_new_is_kept(site, before)


@pytest.mark.parametrize("name", NO_NAME)
def test_a_file_without_a_readable_name_is_refused(site: Stack, name: str) -> None:
    before = kept(site)
    refused = post_raw(site, multipart(GOOD.encode(), NO_NAME[name]), contest="exact")
    assert refused.status_code == 400
    nothing_new_is_kept(site, before)
    assert refused.json()["detail"].startswith("Send the file as the multipart field “file”")
    assert in_chinese("Send the file as the multipart field “file”.")


def test_after_all_those_names_the_next_is_judged_as_ever(site: Stack) -> None:
    is_judged_as_ever(site)
