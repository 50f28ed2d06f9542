"""Signatures of heads, and the key that nobody else may read."""

import dataclasses

import pytest

from leads.evidence.chain import Item, Ledger
from leads.evidence.sign import KeyFileError, Signer, Verifier, keygen, signer_of, verifier_of

ITEMS = [Item("config", "a", "00")]


def test_heads_are_signed_once_there_is_a_key(home):
    assert signer_of(home.path) is None
    private, public = keygen(home.path)
    assert private.stat().st_mode & 0o777 == 0o600
    signed = Ledger(home.store, signer_of(home.path))
    head = signed.append("s", ITEMS)
    found = signed.verify(home.path, head, verifier_of(home.path))
    assert (found.ok, found.signed, found.last_signed) == (True, 1, "s")
    assert "PRIVATE" not in repr(signed)
    with pytest.raises(KeyFileError, match="is there already"):
        keygen(home.path)
    assert public.exists()


def test_a_rewritten_chain_can_not_be_signed_without_the_key(home, tmp_path):
    keygen(home.path)
    ledger = Ledger(home.store, signer_of(home.path))
    ledger.append("s", ITEMS)
    keygen(tmp_path / "other")
    other = signer_of(tmp_path / "other")
    forged = dataclasses.replace(ledger, signer=other)
    forged.append("t", ITEMS)
    found = ledger.verify(home.path, None, verifier_of(home.path))
    assert found.first_broken == "run t: its head was not signed with this key, or the signature was changed"
    home.tamper("UPDATE heads SET signature = 'x' WHERE run_id = 's'")
    assert "run s: its head was not signed" in ledger.verify(home.path, None, verifier_of(home.path)).first_broken


def test_a_key_that_others_can_read_is_refused(tmp_path, monkeypatch):
    private, public = keygen(tmp_path)
    private.chmod(0o640)
    with pytest.raises(KeyFileError, match="can be read by others"):
        signer_of(tmp_path)
    private.chmod(0o600)
    private.write_text("nothing")
    with pytest.raises(KeyFileError, match="is no key"):
        Signer.read(private)
    with pytest.raises(KeyFileError, match="is no public key"):
        Verifier.read(private)
    monkeypatch.setenv("WEIXUN_SIGNING_KEY", str(tmp_path / "gone.pem"))
    with pytest.raises(KeyFileError, match="can not be read"):
        signer_of(tmp_path)
    assert public.exists()
