#!/usr/bin/env python3
"""Our client and pptpd by every method that pppd has, and what must not be answered."""

from harness import peers
from harness.bench import ClientBench
from harness.cases import CLEAR, ENCIPHERED, case, expect, main

IN_CLEAR = {"mppe": "off"}


def comes_up(bench, method, mppe, encryption, **tables):
    bench.pptpd.start(*mppe, method=method)
    with bench.tunnel("office", auth={"methods": [method]}, encryption=encryption, **tables) as (_, status):
        expect((status["state"], status["auth"]), ("up", method), "status")
        bench.ping_from_client(peers.SERVER_INNER)
        bench.ping_from_guest(status["local"])
        return status["mppe"]


@case("auth: PAP, in clear", tap=CLEAR)
def pap(bench):
    expect(comes_up(bench, "pap", peers.NO_MPPE, IN_CLEAR), None, "encryption")


@case("auth: CHAP-MD5, in clear", tap=CLEAR)
def chap_md5(bench):
    expect(comes_up(bench, "chap-md5", peers.NO_MPPE, IN_CLEAR), None, "encryption")


@case("auth: MS-CHAPv1 with MPPE-128", tap=ENCIPHERED)
def mschapv1(bench):
    expect(comes_up(bench, "mschapv1", peers.MPPE_128, {}), {"bits": 128, "mode": "stateless"}, "encryption")


@case("auth: MS-CHAPv1 with 40 bits, which pppd has no keys for, ends with 36")
def mschapv1_40(bench):
    bench.pptpd.start("require-mppe-40", "nomppe-stateful", method="mschapv1")
    bench.refused(36, r"mppe-[\w-]+", auth={"methods": ["mschapv1"]}, encryption={"key-bits": [40]})


@case("auth: the strongest method that both have", tap=ENCIPHERED)
def strongest(bench):
    bench.pptpd.start(*peers.MPPE_128, method="mschapv1")
    methods = ["pap", "mschapv1", "chap-md5", "mschapv2", "eap-mschapv2"]
    with bench.tunnel("office", auth={"methods": methods}) as (_, status):
        expect(status["auth"], "mschapv1", "method")
        bench.ping_from_client(peers.SERVER_INNER)


@case("auth: a wrong password ends with 19, by every method")
def wrong_password(bench):
    for method in ("pap", "chap-md5", "mschapv1"):
        bench.pptpd.start(*peers.NO_MPPE, method=method)
        bench.refused(19, "chap-e691-bad-password", password="wrong", auth={"methods": [method]}, encryption=IN_CLEAR)


@case("auth: a method that the profile does not name ends with 41, and nothing is said")
def not_named(bench):
    for wanted, allowed in (("pap", "mschapv2"), ("chap-md5", "mschapv2"), ("mschapv1", "mschapv2"), ("mschapv2", "pap")):
        bench.pptpd.start(*peers.NO_MPPE, method=wanted)
        bench.refused(41, "auth-no-common-method", auth={"methods": [allowed]}, encryption=IN_CLEAR)
        log = bench.pptpd.log()
        for credential in ("PAP AuthReq", "CHAP Response", "EAP Response"):
            expect(f"rcvd [{credential}" in log, False, f"{credential} where {wanted} is wanted")


@case("auth: a method without keys ends with 36 where encryption is required, and nothing is said")
def no_keys(bench):
    for wanted in ("pap", "chap-md5"):
        bench.pptpd.start(*peers.NO_MPPE, method=wanted)
        bench.refused(36, "mppe-auth-not-mschap", auth={"methods": ["mschapv2", wanted]})
        log = bench.pptpd.log()
        expect("rcvd [PAP AuthReq" in log or "rcvd [CHAP Response" in log, False, "a credential")


@case("auth: the NT hash in the place of the password", tap=ENCIPHERED)
def nt_hash(bench):
    bench.pptpd.start(*peers.MPPE_128)
    # MD4 over the password in UTF-16LE.
    settings = bench.settings(**{"nt-hash": "054f369914feb43fdaab7351e75c630d"})
    del settings["password"]
    path = bench.program.profile("hash", settings)
    process = bench.program.start("connect", path)
    bench.program.wait_up("hash", process)
    bench.ping_from_client(peers.SERVER_INNER)
    expect(bench.program.run("disconnect", "hash").returncode, 0, "disconnect")
    expect(process.exit_status(5), 0, "connect")


@case("auth: a domain goes over the wire, and not into the hash", tap=ENCIPHERED)
def domain(bench):
    bench.pptpd.start(*peers.MPPE_128, user=r"OFFICE\\alice")
    with bench.tunnel("office", user="alice", domain="OFFICE"):
        bench.ping_from_client(peers.SERVER_INNER)


@case("auth: a password beyond ASCII as pppd reads it, and what is said where it does not", tap=ENCIPHERED)
def beyond_ascii(bench):
    bench.pptpd.start(*peers.MPPE_128, password="Gr\u00fc\u00dfe")
    told = bench.refused(19, "chap-e691-bad-password", password="Gr\u00fc\u00dfe")
    expect("beyond ASCII" in told, True, "what is said about it")
    with bench.tunnel("office", password="Gr\u00fc\u00dfe", auth={"password-text": "octets"}):
        bench.ping_from_client(peers.SERVER_INNER)


main(ClientBench)
