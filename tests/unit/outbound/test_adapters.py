"""Adapters against real servers on this machine: mail, webhooks, files; and templates and ways."""

from __future__ import annotations

import base64
import csv
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from ledger.events import ContactAllowed
from streams.outbound.borrowers import SimulatedBorrowers
from streams.outbound.filedrop import COLUMNS, FileDrop, harmless
from streams.outbound.letter import Letter, NotSent
from streams.outbound.mail import Mail, Mailbox
from streams.outbound.templates import FOLDER, load_templates
from streams.outbound.ways import load_ways
from streams.outbound.webhook import Gateway, Webhook
from streams.signing import ID, SIGNATURE, TIMESTAMP, signed
from warning.packfile import RuleError

KEY = bytes(range(32))


def allowed(contact_id: str = "C1", channel: Any = "email") -> ContactAllowed:
    from datetime import date

    return ContactAllowed(
        borrower_id="B1",
        by="treat",
        transaction_id="treat:1",
        value_date=date(2024, 2, 6),
        recorded_at_us=1_707_184_800_000_000,
        case_id="K1",
        contact_id=contact_id,
        loan_ids=("L1", "L2"),
        channel=channel,
        addressee="debtor",
        agency=None,
        zone="Asia/Shanghai",
        rule_set="cn",
        rule_digest="0" * 64,
        at_us=1_707_184_800_000_000,
        until_us=1_707_185_700_000_000,
    )


def letter(address: str | None = "owner@example.org", **more: Any) -> Letter:
    given = {
        "contact": allowed(),
        "address": address,
        "subject": "贷款 L1 还款提示",
        "text": "您的贷款 L1 已逾期 4 天,应还 100.00 CNY。",
        "language": "zh",
        "tone": "neutral",
        "values": {"days": "4"},
        "arrears_minor": 10_000,
        "currency": "CNY",
    }
    return Letter(**{**given, **more})


# -- mail ------------------------------------------------------------------------------------------


class _MailHandler(socketserver.StreamRequestHandler):
    """Just enough of RFC 5321 to take a mail; `server.refuses` answers recipients."""

    def handle(self) -> None:
        server: Any = self.server
        self._say("220 test")
        while line := self.rfile.readline().strip():
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                self._say("250-test\r\n250-SMTPUTF8\r\n250 8BITMIME")
            elif verb == b"RCPT" and server.refuses:
                self._say(server.refuses)
            elif verb == b"DATA":
                self._say("354 go on")
                lines = []
                while (got := self.rfile.readline()) != b".\r\n":
                    lines.append(got.removeprefix(b".") if got.startswith(b"..") else got)
                server.got.append(b"".join(lines))
                self._say("250 taken")
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")


@contextmanager
def mail_server(refuses: str = "") -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _MailHandler) as server:
        held: Any = server
        held.refuses, held.got = refuses, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield held
        server.shutdown()


def mailbox(server: Any) -> Mail:
    port = server.server_address[1]
    return Mail(
        Mailbox(host="127.0.0.1", port=port, sender="service@bank.example", security="none")
    )


def test_a_mail_reaches_a_server_with_its_words_and_a_stable_id() -> None:
    with mail_server() as server:
        assert mailbox(server).send(letter()).outcome == "delivered"
        assert mailbox(server).send(letter()).outcome == "delivered"
    first, again = (
        message_from_bytes(each, _class=EmailMessage, policy=policy.default) for each in server.got
    )
    assert (first["To"], first["From"]) == ("owner@example.org", "service@bank.example")
    assert first["Subject"] == "贷款 L1 还款提示"
    assert first.get_content().strip() == "您的贷款 L1 已逾期 4 天,应还 100.00 CNY。"
    assert first["Message-ID"] == again["Message-ID"] == "<C1@loanbell.invalid>"


@pytest.mark.parametrize("address", [None, "", "not an address", "a@b.org\r\nBcc: all@b.org"])
def test_an_address_that_is_none_is_undelivered_and_nothing_is_sent(address: str | None) -> None:
    with mail_server() as server:
        assert mailbox(server).send(letter(address)).outcome == "undelivered"
    assert server.got == []


def test_a_server_that_refuses_for_good_and_one_that_asks_to_wait_are_told_apart() -> None:
    with mail_server("550 no such user") as server:
        assert mailbox(server).send(letter()).outcome == "undelivered"
    with mail_server("451 greylisted") as server, pytest.raises(NotSent):
        mailbox(server).send(letter())
    gone = Mail(Mailbox(host="127.0.0.1", port=1, sender="s@b.example", security="none"))
    with pytest.raises(NotSent, match="not reached"):
        gone.send(letter())


# -- webhooks --------------------------------------------------------------------------------------


class _HookHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["content-length"]))
        server.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(server.answers)
        if server.answers == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def hook_server(answers: int = 204) -> Iterator[Any]:
    with HTTPServer(("127.0.0.1", 0), _HookHandler) as server:
        held: Any = server
        held.answers, held.got = answers, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield held
        server.shutdown()


def webhook(server: Any, **more: Any) -> Webhook:
    url = f"http://127.0.0.1:{server.server_address[1]}/contacts"
    return Webhook(Gateway(url=url, keys=(KEY,), **more))


def test_a_webhook_is_signed_over_id_time_and_body() -> None:
    with hook_server() as server:
        assert webhook(server).send(letter()).outcome is None
        assert webhook(server, delivers=True).send(letter()).outcome == "delivered"
    (headers, body), (_, again) = server.got
    assert again == body
    seconds = int(headers[TIMESTAMP])
    assert signed([KEY], id_="C1", seconds=seconds, body=body)[SIGNATURE] == headers[SIGNATURE]
    assert (
        signed([KEY], id_="C1", seconds=seconds, body=body + b" ")[SIGNATURE]
        != (headers[SIGNATURE])
    )
    assert headers[ID] == "C1"
    told = orjson.loads(body)
    assert (told["contact_id"], told["loan_ids"], told["tone"]) == ("C1", ["L1", "L2"], "neutral")


@pytest.mark.parametrize(("status", "outcome"), [(410, "undelivered"), (400, "undelivered")])
def test_what_can_never_be_is_undelivered(status: int, outcome: str) -> None:
    with hook_server(status) as server:
        assert webhook(server).send(letter()).outcome == outcome


@pytest.mark.parametrize("status", [302, 408, 429, 500, 503])
def test_what_may_be_later_is_tried_again_and_no_redirect_is_followed(status: int) -> None:
    with hook_server(status) as server:
        with pytest.raises(NotSent):
            webhook(server).send(letter())
        assert len(server.got) == 1


class _Garbage(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        length = 0
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.rfile.read(length)
        self.wfile.write(b"what?\r\n\r\n")


def test_a_receiver_that_speaks_no_http_is_tried_again_like_one_that_is_down() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Garbage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        try:
            with pytest.raises(NotSent, match="not reached"):
                Webhook(Gateway(url=url, keys=(KEY,))).send(letter())
        finally:
            server.shutdown()


# -- files -----------------------------------------------------------------------------------------


def test_a_file_appears_whole_under_the_contacts_id_and_replaces_itself(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path / "outbox")
    for _ in range(2):
        assert drop.send(letter()).outcome is None
    (path,) = (tmp_path / "outbox").iterdir()
    assert path.name == "C1.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, row = csv.reader(file)
    assert tuple(header) == COLUMNS
    told = dict(zip(header, row, strict=True))
    assert (told["loan_ids"], told["address"]) == ("L1 L2", "owner@example.org")
    assert told["before_us"] == "1707185700000000"


@pytest.mark.parametrize("cell", ["=1+1", "+86 10 1234", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula(cell: str, tmp_path: Path) -> None:
    assert harmless(cell) == f"'{cell}"
    FileDrop(tmp_path).send(letter(cell))
    with (tmp_path / "C1.csv").open(encoding="utf-8", newline="") as file:
        _, row = csv.reader(file)
    assert row[COLUMNS.index("address")] == f"'{cell}"


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file is in the way", encoding="utf-8")
    with pytest.raises(NotSent):
        FileDrop(tmp_path / "outbox").send(letter())


# -- simulated borrowers ---------------------------------------------------------------------------


def test_simulated_borrowers_answer_the_same_each_time_and_in_their_shares() -> None:
    contacts = [letter(contact=allowed(f"C{n}", "call")) for n in range(2_000)]
    first = [SimulatedBorrowers(7).send(each) for each in contacts]
    assert first == [SimulatedBorrowers(7).send(each) for each in contacts]
    assert first != [SimulatedBorrowers(8).send(each) for each in contacts]
    outcomes = [sent.outcome for sent in first]
    # 52 % of 2,000 are 1,040, standard deviation 22.3; 18 % are 360, 17.2: four of them.
    assert abs(outcomes.count("no_answer") - 1_040) < 90
    assert abs(outcomes.count("promised") - 360) < 69
    assert all((sent.promised_days > 0) is (sent.outcome == "promised") for sent in first)


# -- templates and ways ----------------------------------------------------------------------------


def test_every_tone_has_words_in_both_languages_with_the_same_placeholders() -> None:
    found = load_templates()
    for tone in ("soft", "neutral", "firm", "formal"):
        assert found["zh"][tone].names == found["en"][tone].names
    values = {n: n.upper() for n in ("bank", "loans", "arrears", "days", "contact")}
    subject, text = found["en"]["firm"].fill({**values, "loans": "L1\r\nBcc: x {bank}"})
    assert subject == "BANK: overdue payment on L1  Bcc: x {bank}"
    assert "ARREARS on L1  Bcc: x {bank} is DAYS days overdue" in text


@pytest.mark.parametrize(
    ("good", "bad", "word"),
    [
        ("{days} days", "{dayz} days", "{dayz}"),
        ("{days} days", "{days days", "text"),
        ("[firm]", "[harsh]", "harsh"),
        ("has been due for {days} days", "is due", "neutral"),
    ],
)
def test_a_wrong_template_is_named(good: str, bad: str, word: str, tmp_path: Path) -> None:
    for language in ("zh", "en"):
        text = (FOLDER / f"{language}.toml").read_text(encoding="utf-8")
        text = text.replace(good, bad, 1) if language == "en" else text
        (tmp_path / f"{language}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        load_templates(tmp_path)
    assert caught.value.word == word
    assert caught.value.path.endswith("en.toml")


WAYS = """\
bank = "Example Bank"
language = "en"
addresses = "addresses.csv"

[[way]]
kind = "webhook"
channels = ["sms"]
url = "https://gateway.example.org/contacts"
secret_file = "secret"

[[way]]
kind = "file"
channels = ["letter"]
folder = "outbox"
"""


MAIL_IN_THE_CLEAR = """kind = "smtp"
host = "mail.example.org"
sender = "service@example.org"
user = "loanbell"
password_file = "secret"
security = "none"
channels = ["email"]

[[way]]
kind = "file"
"""


@pytest.fixture
def ways(tmp_path: Path) -> Path:
    secret = "whsec_" + base64.b64encode(KEY).decode()
    (tmp_path / "secret").write_text(secret + "\n", encoding="utf-8")
    rows = "borrower_id,channel,address\nB1,sms,+8613800000000\n"
    (tmp_path / "addresses.csv").write_text(rows, encoding="utf-8")
    path = tmp_path / "ways.toml"
    path.write_text(WAYS, encoding="utf-8")
    return path


def test_ways_are_read_with_keys_and_addresses_beside_them(ways: Path) -> None:
    found = load_ways(ways)
    assert sorted(found.by_channel) == ["letter", "sms"]
    assert found.addresses == {("B1", "sms"): "+8613800000000"}
    assert (found.bank, found.language) == ("Example Bank", "en")


@pytest.mark.parametrize(
    ("good", "bad", "word"),
    [
        ('kind = "file"', 'kind = "fax"', "fax"),
        ('channels = ["letter"]', 'channels = ["sms"]', "sms"),
        ('channels = ["letter"]', 'channels = ["telex"]', "telex"),
        ("https://gateway", "http://gateway", "url"),
        ("gateway.example.org", "169.254.169.254", "url"),
        ('kind = "file"', MAIL_IN_THE_CLEAR, "security"),
        ('secret_file = "secret"', 'secret_file = "none"', "secret_file"),
        ('folder = "outbox"', 'holder = "outbox"', "holder"),
        ('language = "en"', 'language = "fr"', "fr"),
    ],
)
def test_wrong_ways_are_named(good: str, bad: str, word: str, ways: Path) -> None:
    ways.write_text(WAYS.replace(good, bad, 1), encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        load_ways(ways)
    assert caught.value.word == word


def test_a_key_that_is_short_is_refused_and_never_shown(ways: Path, tmp_path: Path) -> None:
    short = "whsec_" + base64.b64encode(b"short").decode()
    (tmp_path / "secret").write_text(short, encoding="utf-8")
    with pytest.raises(RuleError, match="at least 24 random bytes") as caught:
        load_ways(ways)
    assert base64.b64encode(b"short").decode() not in str(caught.value)


def test_no_secret_of_a_way_stands_in_what_is_printed_of_it() -> None:
    gateway = Gateway(url="https://gateway.example.org/token-7", keys=(b"key-8",))
    box = Mailbox(host="h", port=25, sender="s@b.example", user="u", password="word-9")
    printed = f"{gateway!r} {box!r}"
    assert not any(secret in printed for secret in ("token-7", "key-8", "word-9"))
