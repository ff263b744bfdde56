"""Settings come from arguments, variables and a file, and say clearly where one is wrong."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, time
from pathlib import Path

import pytest

from streams.parts import database_of
from streams.settings import Settings, SettingsError, calendar_of


def test_without_anything_the_defaults_bind_to_this_machine_only() -> None:
    settings = Settings.load(environ={})
    assert settings == Settings()
    assert settings.host == "127.0.0.1"


def test_an_argument_beats_a_variable_and_a_variable_beats_the_file(tmp_path: Path) -> None:
    file = tmp_path / "bank.toml"
    file.write_text('port = 1\nhost = "10.0.0.1"\nbatch_messages = 7\n')
    environ = {"LOANBELL_PORT": "2", "LOANBELL_HOST": "10.0.0.2", "HOME": "/root"}
    settings = Settings.load({"port": 3, "host": None}, environ=environ, file=file)
    assert (settings.port, settings.host, settings.batch_messages) == (3, "10.0.0.2", 7)


def test_the_variable_loanbell_config_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "bank.toml"
    file.write_text("port = 4\n")
    assert Settings.load(environ={"LOANBELL_CONFIG": str(file)}).port == 4


def test_paths_in_a_file_are_relative_to_the_file_and_names_stay_names(tmp_path: Path) -> None:
    file = tmp_path / "bank.toml"
    file.write_text('data = "books"\ncalendar = "days.txt"\npack = "sme-early"\n')
    settings = Settings.load(environ={}, file=file)
    assert settings.data == tmp_path / "books"
    assert settings.ledger_db == tmp_path / "books" / "ledger.db"
    assert settings.calendar == str(tmp_path / "days.txt")
    assert settings.pack == "sme-early"


def test_every_setting_can_be_given_as_a_variable() -> None:
    texts = {
        "data": ("/srv/book", Path("/srv/book")),
        "calendar": ("weekends", "weekends"),
        "weekmask": ("1111110", "1111110"),
        "pack": ("/etc/p.toml", "/etc/p.toml"),
        "score": ("score.json", "score.json"),
        "regime": ("ifrs9", "ifrs9"),
        "strategy": ("sme-collections", "sme-collections"),
        "outbound": ("/tmp/ways.toml", Path("/tmp/ways.toml")),
        "contact_rules": ("us,own", "us,own"),
        "host": ("::1", "::1"),
        "port": ("0", 0),
        "closed_by": ("driver", "driver"),
        "close_time": ("18:30", time(18, 30)),
        "time_zone": ("Asia/Shanghai", "Asia/Shanghai"),
        "most_missed_days": ("4", 4),
        "batch_messages": ("5", 5),
        "waiting_batches": ("6", 6),
        "project_facts": ("7", 7),
        "cached_entities": ("8", 8),
        "stop_seconds": ("2.5", 2.5),
        "webhooks": ("/etc/webhooks.toml", Path("/etc/webhooks.toml")),
        "log_format": ("json", "json"),
        "log_level": ("debug", "debug"),
        "sign_in": ("required", "required"),
        "public_url": ("https://bell.example", "https://bell.example"),
        "master_key": ("c2VjcmV0", "c2VjcmV0"),
        "master_key_file": ("/run/master", Path("/run/master")),
        "oidc_issuer": ("https://id.example", "https://id.example"),
        "oidc_client_id": ("loanbell", "loanbell"),
        "oidc_client_secret_file": ("/run/oidc", Path("/run/oidc")),
        "oidc_roles_claim": ("groups", "groups"),
        "oidc_branches_claim": ("offices", "offices"),
        "database": ("postgresql://db/bank", "postgresql://db/bank"),
        "database_password_file": ("/run/db", Path("/run/db")),
        "broker": ("kafka://k1:9092,k2:9092", "kafka://k1:9092,k2:9092"),
        "group": ("bank", "bank"),
        "session_seconds": ("6", 6.0),
        "topic_prefix": ("north.", "north."),
        "kafka_security": ("sasl_ssl", "sasl_ssl"),
        "kafka_mechanism": ("PLAIN", "PLAIN"),
        "kafka_user": ("lb", "lb"),
        "kafka_password_file": ("/run/kafka", Path("/run/kafka")),
        "kafka_ca_file": ("/etc/ca.pem", Path("/etc/ca.pem")),
    }
    assert list(texts) == [field.name for field in fields(Settings)]
    environ = {f"LOANBELL_{name.upper()}": text for name, (text, _) in texts.items()}
    settings = Settings.load(environ=environ)
    assert {name: getattr(settings, name) for name in texts} == {
        name: value for name, (_, value) in texts.items()
    }


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("LOANBELL_PORT", "eighty", "whole number from 0 to 65,535"),
        ("LOANBELL_PORT", "70000", "whole number from 0 to 65,535"),
        ("LOANBELL_BATCH_MESSAGES", "0", "from 1 to 100,000"),
        ("LOANBELL_CLOSED_BY", "cron", "timer, driver"),
        ("LOANBELL_CLOSE_TIME", "25:00", ""),
        ("LOANBELL_CLOSE_TIME", "23:00+08:00", "time_zone"),
        ("LOANBELL_TIME_ZONE", "Mars/Olympus", "IANA"),
        ("LOANBELL_WEEKMASK", "11111", "seven digits"),
        ("LOANBELL_WEEKMASK", "0000000", "seven digits"),
        ("LOANBELL_STOP_SECONDS", "soon", "seconds"),
        ("LOANBELL_HOST", " ", "not empty"),
    ],
)
def test_a_wrong_value_names_its_variable_and_what_to_give(
    variable: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ={variable: value})
    assert variable in caught.value.message
    assert words in caught.value.way_out


def test_a_password_in_an_address_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ={"LOANBELL_DATABASE": "mysql://bank:open-sesame@db/x"})
    assert "sesame" not in str(caught.value)
    url = "postgresql://bank:open-sesame@db:5432/ledger?sslmode=verify-full"
    settings = Settings.load({"database": url}, environ={})
    assert "sesame" not in repr(settings)
    (tmp_path / "secret").write_text("p@ss word\n")
    told = Settings.load({"database_password_file": tmp_path / "secret", "database": url})
    expected = "postgresql://bank:p%40ss%20word@db:5432/ledger?sslmode=verify-full"
    assert database_of(told) == expected


def test_a_misspelt_setting_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "bank.toml"
    file.write_text("prot = 1\n")
    with pytest.raises(SettingsError, match=r"bank\.toml: prot is not a setting"):
        Settings.load(environ={}, file=file)
    with pytest.raises(SettingsError, match="LOANBELL_PROT is not a setting"):
        Settings.load(environ={"LOANBELL_PROT": "1"})
    with pytest.raises(SettingsError, match="--prot is not a setting"):
        Settings.load({"prot": 1}, environ={})


def test_a_file_that_is_missing_or_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read"):
        Settings.load(environ={}, file=tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("port: 1")
    with pytest.raises(SettingsError, match=r"bad\.toml is not TOML"):
        Settings.load(environ={}, file=tmp_path / "bad.toml")


def test_a_calendar_is_found_by_name_or_path_or_refused(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("2024-03-28\n")
    own = calendar_of(Settings(calendar=str(tmp_path / "own.txt")))
    assert not own.is_business_day(date(2024, 3, 28))
    assert calendar_of(Settings(calendar="weekends")).is_business_day(date(2024, 1, 1))
    assert not calendar_of(Settings(calendar="cn")).is_business_day(date(2024, 2, 12))
    with pytest.raises(SettingsError, match="no calendar 'mars'"):
        calendar_of(Settings(calendar="mars"))


@pytest.mark.parametrize("value", ["25", "noon", "25:00", 25])
def test_a_close_time_that_is_none_is_told_how_one_looks(value: object) -> None:
    with pytest.raises(SettingsError) as told:
        Settings.load({"close_time": value}, environ={})
    assert told.value.message == f"--close-time is {value!r}, which cannot be used."
    assert told.value.way_out.startswith("Give a time of day such as 23:59")
