#!/usr/bin/env python3
"""Our client and FreeRADIUS by EAP-MSCHAPv2, over a bridge that plays PPTP and PPP."""

from harness import peers, radius
from harness.bench import ClientBench
from harness.cases import ENCIPHERED, case, expect, main
from harness.lab import WIRE_ADDRESS

ALICE = f'alice Cleartext-Password := "{peers.PASSWORD}"\n'
EAP = {"server": WIRE_ADDRESS, "auth": {"methods": ["eap-mschapv2"]}}


@case("eap: EAP-MSCHAPv2 against FreeRADIUS, with the keys that it hands out", tap=ENCIPHERED)
def eap_mschapv2(bench):
    with radius.serving(bench.lab, ALICE) as results:
        with bench.tunnel("office", **EAP) as (_, status):
            expect((status["auth"], status["mppe"]), ("eap-mschapv2", {"bits": 128, "mode": "stateless"}), "status")
            bench.ping_from_client(radius.INNER, count=5)
        expect(results(), ["accepted alice"], "results")


@case("eap: a domain, and a password beyond ASCII as UTF-8", tap=ENCIPHERED)
def beyond_ascii(bench):
    with radius.serving(bench.lab, 'DEFAULT Cleartext-Password := "Gr\u00fc\u00dfe"\n') as results:
        with bench.tunnel("office", **EAP, user="OFFICE\\alice", password="Gr\u00fc\u00dfe"):
            bench.ping_from_client(radius.INNER)
        expect(results(), ["accepted OFFICE\\alice"], "results")


@case("eap: a wrong password ends with 19")
def wrong_password(bench):
    with radius.serving(bench.lab, ALICE):
        bench.refused(19, "chap-e691-bad-password", **EAP, password="wrong")


@case("eap: another type is declined, and the one that is allowed is spoken", tap=ENCIPHERED)
def declined(bench):
    with radius.serving(bench.lab, ALICE, eap_type="md5") as results:
        with bench.tunnel("office", **EAP):
            bench.ping_from_client(radius.INNER)
        expect(results(), ["accepted alice"], "results")


@case("eap: a server that has no other type ends with 41, and nothing is said to it")
def no_common_type(bench):
    with radius.serving(bench.lab, ALICE.rstrip() + ", EAP-Type := MD5-Challenge\n", eap_type="md5"):
        bench.refused(41, "auth-no-common-method", **EAP)


@case("eap: an expired password, by FreeRADIUS's own word, ends with 19 where nobody can be asked")
def expired(bench):
    with radius.serving(bench.lab, ALICE.rstrip() + ', SMB-Account-CTRL-TEXT := "[Ue]"\n'):
        bench.refused(19, "chap-e648-expired", **EAP)


@case("eap: where EAP is not allowed the call ends with 41")
def not_allowed(bench):
    with radius.serving(bench.lab, ALICE) as results:
        bench.refused(41, "auth-no-common-method", server=WIRE_ADDRESS)
        expect(results(), [], "what RADIUS was asked")


main(ClientBench, needs=["freeradius"])
