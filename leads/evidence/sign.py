"""Ed25519 signatures of heads (RFC 8032): who holds the key vouches for everything up to the head."""

import base64
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from leads.errors import OutputError
from leads.staging import refusal

_MOST_BYTES = 16_384


class KeyFileError(OutputError):
    """A key file is missing, is none, or can be read by others: no head is signed or checked with it."""


@dataclass(frozen=True)
class Verifier:
    """The public half of a key."""

    key: Ed25519PublicKey

    @classmethod
    def read(cls, file: Path) -> "Verifier":
        """From a PEM file.

        Raises:
            KeyFileError: if it is none.
        """
        try:
            key = serialization.load_pem_public_key(_content(file))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyFileError(f"{file} is no public key: name the .pub file that weixun leads keygen wrote") from error
        if not isinstance(key, Ed25519PublicKey):
            raise KeyFileError(f"{file} is a key of another kind: Ed25519 is used here")
        return cls(key)

    def vouches(self, head: str, signature: str) -> bool:
        """Whether a head was signed with the key."""
        try:
            self.key.verify(base64.b64decode(signature, validate=True), _message(head))
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """The private half of a key; never shown."""

    key: Ed25519PrivateKey

    @classmethod
    def read(cls, file: Path) -> "Signer":
        """From a PEM file that only its owner can read.

        Raises:
            KeyFileError: if it is none, or others can read it.
        """
        content = _content(file)
        state = file.stat()
        if stat.S_IMODE(state.st_mode) & 0o077 or state.st_uid not in (os.geteuid(), 0):
            raise KeyFileError(f"{file} can be read by others or is theirs: chmod 600 it, or make another key")
        try:
            key = serialization.load_pem_private_key(content, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyFileError(f"{file} is no key that weixun leads keygen wrote") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFileError(f"{file} is a key of another kind: Ed25519 is used here")
        return cls(key)

    def sign(self, head: str) -> str:
        """The signature of a head, base64."""
        return base64.b64encode(self.key.sign(_message(head))).decode()

    def __repr__(self) -> str:
        """Says nothing of the key."""
        return "Signer()"


def key_files(home: Path) -> tuple[Path, Path]:
    """Where a home's key lies, private and public; WEIXUN_SIGNING_KEY names another private one."""
    named = os.environ.get("WEIXUN_SIGNING_KEY")
    private = Path(named) if named else home / "keys" / "evidence.pem"
    return private, private.with_suffix(".pub")


def signer_of(home: Path) -> Signer | None:
    """What signs the heads of a home; None where no key was made.

    Raises:
        KeyFileError: if a key is named or there and can not be used: heads are not left unsigned in silence.
    """
    private, _ = key_files(home)
    if not private.exists() and not os.environ.get("WEIXUN_SIGNING_KEY"):
        return None
    return Signer.read(private)


def verifier_of(home: Path) -> Verifier | None:
    """The home's own public key, where there is one. Who distrusts the machine brings a copy kept elsewhere."""
    _, public = key_files(home)
    return Verifier.read(public) if public.exists() else None


def keygen(home: Path) -> tuple[Path, Path]:
    """Makes a key: the private file for its owner only, the public one beside it.

    Raises:
        KeyFileError: if there is one already; it is never written over.
        OutputError: if the folder can not be written.
    """
    private, public = key_files(home)
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shown = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    try:
        private.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secret)
        public.write_bytes(shown)
    except FileExistsError as error:
        raise KeyFileError(
            f"{private} is there already: heads were signed with it, and it is not written over"
        ) from error
    except OSError as error:
        raise refusal(private, error) from error
    return private, public


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise KeyFileError(f"{file} is no key: it is too large")
        return file.read_bytes()
    except OSError as error:
        raise KeyFileError(
            f"the key {file} can not be read ({error.strerror}): check the path and its rights"
        ) from error


def _message(head: str) -> bytes:
    return b"weixun evidence head 1\n" + head.encode()
