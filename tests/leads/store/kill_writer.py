"""Writes one large night with its evidence into the store named, and says when it begins: something to be killed."""

import sys

import store_sites as sites

from leads.evidence.chain import Ledger
from leads.evidence.witness import Witness
from leads.store.store import Store


def looks(number: int) -> list[object]:
    """Four hundred sites; those of an even column grow from night to night."""
    grounds = [sites.rect(2 * x, 2 * y, 1 + 0.02 * number * (x % 2 == 0)) for x in range(20) for y in range(20)]
    return [sites.look(number, grounds[number:])]


if __name__ == "__main__":
    with Store.open(sys.argv[1]) as store:
        night = looks(int(sys.argv[2]))
        print("writing", flush=True)
        run = f"run{sys.argv[2]}"
        store.night(run, "steppe", night, (), (), Witness(Ledger(store), run))
        print("written", flush=True)
