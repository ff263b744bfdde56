"""The file of receivers: what is taken, what is refused, and that nothing secret is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.receivers import Receiver, receivers_in
from streams.settings import SettingsError

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  # the bytes 0 to 31
OTHER = "whsec_Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="  # the bytes 31 to 0


def webhook(folder: Path, *lines: str, secret: str = SECRET) -> list[Receiver]:
    (folder / "s").write_text(secret)
    file = folder / "webhooks.toml"
    head = ["[[webhook]]", 'name = "one"', 'secret_file = "s"']
    file.write_text("\n".join([*head, *lines]))
    return receivers_in(file, {})


def test_a_webhook_and_an_alertmanager_are_read_with_good_defaults(tmp_path: Path) -> None:
    (tmp_path / "webhooks.toml").write_text(
        '[[webhook]]\nname = "cases"\nurl = "https://cases.bank.example/hook?t=secret"\n'
        'secret_variable = "CASES"\nfeed = "grades"\n'
        '[[alertmanager]]\nname = "oncall"\nurl = "http://127.0.0.1:9093/"\n'
    )
    one, other = receivers_in(tmp_path / "webhooks.toml", {"CASES": f"{OTHER}\n{SECRET}"})
    assert (one.kind, one.feed, one.start, one.attempts) == ("webhook", "grades", "now", 30)
    assert one.secrets == (bytes(range(31, -1, -1)), bytes(range(32)))  # the newest first
    assert one.place == "https://cases.bank.example"
    assert "secret" not in repr(one)
    assert (other.kind, other.url) == ("alertmanager", "http://127.0.0.1:9093")
    assert other.severities == ("orange", "red")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://cases.bank.example/hook", "is not encrypted"),
        ("https://user:T-secret@cases.bank.example/", "holds a user or password"),
        ("http://169.254.169.254/latest/meta-data", "machines use for themselves"),
        ("https://[fe80::1]/", "machines use for themselves"),
        ("https://[::ffff:169.254.169.254]/", "machines use for themselves"),
        ("https://0.0.0.0/", "machines use for themselves"),
        ("file:///etc/passwd", "is no web address"),
        ("gopher://cases/", "is no web address"),
        ("https://", "is no web address"),
        ("https://cases:notaport/", "is no address"),
    ],
)
def test_an_address_that_nobody_should_call_is_refused(tmp_path: Path, url: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as refused:
        webhook(tmp_path, f'url = "{url}"')
    assert "T-secret" not in str(refused.value)


def test_an_address_without_encryption_must_be_asked_for_in_words(tmp_path: Path) -> None:
    (one,) = webhook(tmp_path, 'url = "http://cases.local/"', "plain = true")
    assert one.url == "http://cases.local/"


@pytest.mark.parametrize("secret", ["", "plainword", "whsec_AAEC", "whsec_!!!!"])
def test_a_weak_secret_is_refused_and_not_shown(tmp_path: Path, secret: str) -> None:
    with pytest.raises(SettingsError, match=r"secret is") as refused:
        webhook(tmp_path, 'url = "https://a.example/"', secret=secret)
    assert not secret or secret not in str(refused.value)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (['url = "https://a/"', 'colour = "red"'], "colour: Extra inputs are not permitted"),
        (['url = "https://a/"', "attempts = 0"], "attempts: Input should be greater than or equal"),
        (['url = "https://a/"', 'feed = "loans"'], "feed: Input should be"),
        (["colour = "], "is not TOML"),
        ([], "url: Field required"),
        (['url = "https://a/"', 'secret_variable = "S"'], "secret_file or secret_variable"),
        (
            ['url = "https://a/"', "[[alertmanager]]", 'name = "one"', 'url = "https://a/"'],
            "two receivers of one name",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, lines: list[str], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        webhook(tmp_path, *lines)


@pytest.mark.parametrize(
    ("types", "raised", "pending"),
    [
        ("", True, False),
        ('types = ["warning."]', True, False),
        ('types = ["warning.raised"]', True, False),
        ('types = ["warning.pending"]', False, True),
        ('types = ["warning.raised", "warning.pending"]', True, True),
    ],
)
def test_what_is_pending_is_sent_only_where_its_type_is_named(
    tmp_path: Path, types: str, raised: bool, pending: bool
) -> None:
    (receiver,) = webhook(tmp_path, 'url = "https://cases.bank.example/hook"', types)
    assert receiver.wants("warning.raised.v1") is raised
    assert receiver.wants("warning.pending.v1") is pending
    assert receiver.wants("warning.lapsed.v1") is False
