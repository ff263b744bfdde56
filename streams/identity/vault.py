"""Sealed text: what people write about a borrower, readable only as long as that borrower's key is.

`seal` gives a text that can go into a fact for ever: ciphertext of AES-SIV (RFC 5297) under a key
of that borrower alone. It is deterministic, so a message that is sent again has the same digest.
The keys lie in tables apart from the log, wrapped by a master key that lies in neither. Dropping a
borrower's key makes all their sealed texts unreadable; the facts stay, and so do their hash chains.

    sealed:v1:B00001:note:5fZx…

What the form gives away: which borrower, which kind of text, its length, and that two texts of one
borrower are the same. Knows no person; who may read is `api/guard`'s matter.
"""

from __future__ import annotations

import re
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from ledger.dates import now_us
from ledger.errors import LoanError
from projections.tables import Database, Place, TableSpec, integer, select, words
from streams.identity.draws import random_bytes

KEY_BYTES = 64
"""AES-SIV with AES-256: one half authenticates, the other encrypts."""
_CACHED = 10_000
SEALED = re.compile(r"sealed:v1:([A-Za-z0-9._-]{1,64}):([a-z_]{1,32}):([A-Za-z0-9_=-]{24,})")
"""Borrower, context, ciphertext."""

KEYS = TableSpec("borrower_keys", (words("borrower_id"), words("wrapped"), integer("made_us")))
DROPPED = TableSpec("dropped_keys", (words("borrower_id"), integer("dropped_us")))


class Erased(LoanError):
    """The borrower's key was dropped: what was sealed is gone, and nothing more is sealed."""

    code = "erased"


class VaultClosed(LoanError):
    """The keys cannot be used: no master key, or another one than they were wrapped with."""

    code = "vault_closed"


class Vault:
    """The keys of borrowers. Any thread may use it. Make it with `open`."""

    def __init__(self, database: Database, master: bytes) -> None:
        self._database, self._master = database, AESSIV(master)
        self._keys: dict[str, AESSIV] = {}
        self._lock = threading.Lock()

    @classmethod
    def open(cls, place: Place, master: bytes) -> Vault:
        """Open the tables of keys at `place`, made if missing. Errors: VaultClosed."""
        if len(master) != KEY_BYTES:
            raise VaultClosed(
                f"The master key has {len(master)} bytes, not {KEY_BYTES}.",
                way_out="Make one with `head -c 64 /dev/urandom | base64 -w0`.",
            )
        return cls(Database.open(place, durable=True, tables=(KEYS, DROPPED)), master)

    def close(self) -> None:
        """Let go of the tables and forget the keys."""
        self._keys.clear()
        self._database.close()

    def seal(self, borrower_id: str, text: str, context: str) -> str:
        """`text` for a fact; the same arguments give the same result. "" stays "".

        `context` names the kind of text (letters and _), and must be the same to unseal.
        Errors: Erased, VaultClosed, StoreUnavailable.
        """
        if not text:
            return ""
        cipher = self._key(borrower_id, make=True)
        sealed = cipher.encrypt(text.encode(), _bound(borrower_id, context))
        return f"sealed:v1:{borrower_id}:{context}:{urlsafe_b64encode(sealed).decode()}"

    def unseal(self, sealed: str) -> str:
        """The text in what `seal` gave; what is not sealed comes back as it is.

        Errors: Erased when the key was dropped; VaultClosed when the bytes are not of this vault.
        """
        found = SEALED.fullmatch(sealed)
        if found is None:
            return sealed
        borrower_id, context, text = found.groups()
        cipher = self._key(borrower_id, make=False)
        try:
            opened = cipher.decrypt(urlsafe_b64decode(text), _bound(borrower_id, context))
        except (InvalidTag, ValueError):
            raise VaultClosed(
                "A sealed text is not of this vault, or was changed.",
                way_out="Open it with the keys that sealed it.",
            ) from None
        return opened.decode()

    def drop(self, borrower_id: str) -> bool:
        """Make everything sealed of a borrower unreadable, for ever. False: it was already."""
        keys, dropped = self._database.table(KEYS), self._database.table(DROPPED)
        with self._lock, self._database.writing() as connection:
            known = connection.execute(
                select(dropped).where(dropped.c.borrower_id == borrower_id)
            ).first()
            if known is None:
                connection.execute(
                    dropped.insert().values(borrower_id=borrower_id, dropped_us=now_us())
                )
            connection.execute(keys.delete().where(keys.c.borrower_id == borrower_id))
            self._keys.pop(borrower_id, None)
        return known is None

    def _key(self, borrower_id: str, *, make: bool) -> AESSIV:
        with self._lock:
            known = self._keys.get(borrower_id)
            if known is None:
                if len(self._keys) >= _CACHED:
                    self._keys.clear()
                known = self._keys[borrower_id] = AESSIV(self._read(borrower_id, make=make))
            return known

    def _read(self, borrower_id: str, *, make: bool) -> bytes:
        """The key as it is in the table; made there by whoever is first."""
        keys, dropped = self._database.table(KEYS), self._database.table(DROPPED)
        with self._database.writing() as connection:
            gone = select(dropped).where(dropped.c.borrower_id == borrower_id)
            if connection.execute(gone).first() is not None:
                raise Erased(f"What was written about {borrower_id} was erased.")
            asked = select(keys.c.wrapped).where(keys.c.borrower_id == borrower_id)
            found = connection.execute(asked).scalar()
            if found is None:
                if not make:
                    raise VaultClosed(
                        f"There is no key of {borrower_id}, and nobody erased it.",
                        way_out="Bring back the tables of keys that belong to this book.",
                    )
                made = self._wrapped(borrower_id, random_bytes(KEY_BYTES))
                self._database.upsert_new(connection, keys, [(borrower_id, made, now_us())])
                found = connection.execute(asked).scalar_one()
        return self._unwrapped(borrower_id, found)

    def _wrapped(self, borrower_id: str, key: bytes) -> str:
        wrapped = self._master.encrypt(key, _bound(borrower_id, "key"))
        return urlsafe_b64encode(wrapped).decode()

    def _unwrapped(self, borrower_id: str, wrapped: str) -> bytes:
        try:
            return self._master.decrypt(urlsafe_b64decode(wrapped), _bound(borrower_id, "key"))
        except (InvalidTag, ValueError):
            raise VaultClosed(
                "The master key is another one than the keys were wrapped with.",
                way_out="Give the one they were made under (master_key_file).",
            ) from None


def _bound(borrower_id: str, context: str) -> list[bytes]:
    """What a ciphertext is bound to, so that it cannot be moved to another place."""
    return [b"loanbell", borrower_id.encode(), context.encode()]


def master_key(text: str, file: Path | None, default: Path | None) -> bytes:
    """The master key: from base64 `text`, else the first line of `file`, else of `default`.

    `default` is made when it is missing, readable by this user alone. Errors: VaultClosed.
    """
    try:
        if text:
            return urlsafe_b64decode(_plain(text))
        place = file or default
        if place is None:
            raise VaultClosed("There is no master key.", way_out="Set LOANBELL_MASTER_KEY_FILE.")
        if file is None and not place.exists():
            _make(place)
        return urlsafe_b64decode(_plain(place.read_text(encoding="ascii").splitlines()[0]))
    except (OSError, ValueError, IndexError) as error:
        raise VaultClosed(
            f"The master key cannot be read: {type(error).__name__}.",
            way_out="Give 64 bytes in base64, on the first line of a file this user may read.",
        ) from None


def _plain(text: str) -> str:
    """Either alphabet of base64 as the one for URLs."""
    return text.strip().replace("+", "-").replace("/", "_")


def _make(place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch(mode=0o600, exist_ok=False)
    place.write_text(urlsafe_b64encode(random_bytes(KEY_BYTES)).decode() + "\n", encoding="ascii")
