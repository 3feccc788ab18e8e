#!/usr/bin/env python3
"""Our client and pptpd: signals in every state of a connection, while nobody answers.

That the host is as before, and no journal left, is checked after each call here, and after each case.
"""

import contextlib
import signal
import time

from harness import peers
from harness.bench import ClientBench
from harness.cases import ENCIPHERED, case, expect, main
from harness.lab import wait_for

ENDING = (signal.SIGTERM, signal.SIGINT)
OTHERS = (signal.SIGHUP, signal.SIGUSR1)
SECONDS = 2


@contextlib.contextmanager
def connection(bench, up=True, link=None):
    """A connection that changes all there is to be changed on the host: (process, its state). It must end inside."""
    before = bench.lab.snapshot()
    path = bench.program.profile("office", bench.settings(network={"default-route": True}, link=link or {}))
    process = bench.program.start("connect", path)

    def state():
        return bench.program.status("office")["state"]

    if up:
        bench.program.wait_up("office", process)
        bench.ping_from_client(peers.SERVER_INNER)
        expect(bench.lab.snapshot() == before, False, "the host is as before while the tunnel is up")
    yield process, state
    expect(process.ended(), True, "the end")
    expect(bench.lab.snapshot(), before, "the host")
    expect(bench.program.journals(), [], "journals")


def start(bench):
    bench.pptpd.start(*peers.MPPE_128, options=["ms-dns 192.0.2.7"])


def expect_end(process, began, status=5):
    """It ends with this status, in time from `began` on."""
    expect(process.exit_status(10), status, f"exit status ({process.stderr()})")
    took = time.monotonic() - began
    if took > SECONDS:
        raise AssertionError(f"took {took:.1f} s to end:\n{process.stderr()}")


def ends_by(process, number):
    began = time.monotonic()
    process.send_signal(number)
    expect_end(process, began)


def hangs_up(bench, second, blocked):
    """A second signal comes while the first one's goodbye is not answered."""
    start(bench)
    for first in ENDING:
        with connection(bench) as (process, _), blocked(bench.lab):
            began = time.monotonic()
            process.send_signal(first)
            wait_for(lambda: "ending the call" in process.stderr(), 1, "the goodbye")
            time.sleep(0.2)
            expect(process.ended(), False, "ended before the second signal")
            process.send_signal(second)
            expect_end(process, began)


@contextlib.contextmanager
def gre_blocked(lab):
    lab.block_gre()
    try:
        yield
    finally:
        lab.unblock_gre()


@case("signals: TERM in the middle of a hang-up that nobody answers", tap=ENCIPHERED)
def term_in_hang_up(bench):
    hangs_up(bench, signal.SIGTERM, lambda lab: lab.cut_path())


@case("signals: INT in the middle of a hang-up that nobody answers", tap=ENCIPHERED)
def int_in_hang_up(bench):
    hangs_up(bench, signal.SIGINT, lambda lab: lab.cut_path())


@case("signals: HUP in the middle of a hang-up does not make a call again", tap=ENCIPHERED)
def hup_in_hang_up(bench):
    hangs_up(bench, signal.SIGHUP, gre_blocked)


@case("signals: USR1 in the middle of a hang-up changes nothing", tap=ENCIPHERED)
def usr1_in_hang_up(bench):
    hangs_up(bench, signal.SIGUSR1, gre_blocked)


def reports(process):
    """How often it has told its status because of USR1."""
    return process.stderr().count('"profile":"office"')


def goes_on(process, state, number, expected):
    """One of the signals that end nothing: the state is soon as expected."""
    told = reports(process)
    process.send_signal(number)
    if number == signal.SIGUSR1:
        wait_for(lambda: reports(process) == told + 1, 2, "the report")
    wait_for(lambda: state() == expected, 5, f"the state {expected} after {number}")
    expect(process.ended(), False, "ended by a signal that ends nothing")


@case("signals: in the wait for the next call", tap=ENCIPHERED)
def in_wait(bench):
    for ending in ENDING:
        start(bench)
        with connection(bench, link={"retry-first": 30}) as (process, state):
            bench.pptpd.stop()
            wait_for(lambda: state() == "reconnecting", 10, "the wait")
            for number in OTHERS:  # HUP: a call is made at once, and refused
                goes_on(process, state, number, "reconnecting")
            ends_by(process, ending)


@case("signals: HUP in the wait calls again at once", tap=ENCIPHERED)
def hup_in_wait(bench):
    start(bench)
    with connection(bench, link={"retry-first": 30}) as (process, state):
        bench.pptpd.stop()
        wait_for(lambda: state() == "reconnecting", 10, "the wait")
        start(bench)
        goes_on(process, state, signal.SIGHUP, "up")
        bench.ping_from_client(peers.SERVER_INNER)
        ends_by(process, signal.SIGTERM)


@case("signals: while a call is made again that nobody answers", tap=ENCIPHERED)
def in_reconnect(bench):
    start(bench)
    for ending in ENDING:
        with connection(bench) as (process, state), gre_blocked(bench.lab):
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: state() == "connecting", 5, "the next call")
            for number in OTHERS:  # HUP: this one is given up, and another made
                goes_on(process, state, number, "connecting")
            ends_by(process, ending)


@case("signals: in the goodbye of a call that is to be made again", tap=ENCIPHERED)
def in_goodbye(bench):
    start(bench)
    for ending in ENDING:
        with connection(bench) as (process, _), bench.lab.cut_path():
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: "ending the call" in process.stderr(), 1, "the goodbye")
            ends_by(process, ending)


@case("signals: while the first call is made, HUP makes another")
def in_first_call(bench):
    start(bench)
    for ending in ENDING:
        with connection(bench, up=False) as (process, state), gre_blocked(bench.lab):
            wait_for(lambda: state() == "connecting" and "asking for a call" in process.stderr(), 5, "the call")
            for number in OTHERS:
                goes_on(process, state, number, "connecting")
            ends_by(process, ending)


@case("signals: on demand, before there is a call", tap=ENCIPHERED)
def on_demand(bench):
    start(bench)
    for ending in ENDING:
        with connection(bench, up=False, link={"demand": True}) as (process, state):
            wait_for(lambda: state() == "idle" and bench.program.status("office")["interface"], 5, "the interface")
            goes_on(process, state, signal.SIGUSR1, "idle")
            ends_by(process, ending)
        with connection(bench, up=False, link={"demand": True}) as (process, state):
            wait_for(lambda: state() == "idle" and bench.program.status("office")["interface"], 5, "the interface")
            bench.lab.client("ping", "-n", "-c", "1", "-W", "10", peers.SERVER_INNER)
            ends_by(process, ending)


main(ClientBench)
