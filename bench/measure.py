"""Traffic through a tunnel, and what it costs. Everything goes from the client's host unless it says otherwise."""

import contextlib
import json
import os
import re
import statistics
import subprocess
import time

import hosts

IPERF_PORT = 5201
UDP_HEADERS = 28  # octets of IPv4 and UDP
LOADED_PING_SECONDS = 0.05  # between two pings under load
CPUCLOCK_SCHED = 2  # of Linux: time that a process ran, by the scheduler's own count
TICKS = os.sysconf("SC_CLK_TCK")  # of /proc, in a second


def cpu_of(pid):
    """Seconds of CPU that a process has taken, to the nanosecond: what clock_getcpuclockid(3) makes of its id."""
    return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)


def cpu_of_machine():
    """Seconds of CPU that were not idle, of all cores."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _idle, _wait, irq, softirq, *_ = map(int, stat.readline().split()[1:])
    return (user + nice + system + irq + softirq) / TICKS


def drops(stack):
    """Packets that the devices of both ends have dropped before the tunnel took them."""
    return sum(host.ip("link", "show", "dev", device)[0]["stats64"]["tx"]["dropped"] for host, device in stack.ends)


@contextlib.contextmanager
def iperf_server(server):
    process = server.start("iperf3", "-s", "-1", "-p", IPERF_PORT)
    try:
        server.wait_listening(IPERF_PORT, process)
        yield
        process.wait(hosts.PATIENCE)
    finally:
        process.kill()
        process.wait()


def iperf(client, server, stack, seconds, *arguments):
    """One run of iperf3: the end of its document."""
    with iperf_server(server):
        ran = client.run("iperf3", "-c", stack.address, "-p", IPERF_PORT, "-t", seconds, "-J", *arguments,
                         check=False, stderr=subprocess.DEVNULL, timeout=seconds + 2 * hosts.PATIENCE)
    document = json.loads(ran.stdout)
    if "error" in document:
        raise RuntimeError(f"iperf3: {document['error']}")
    return document["end"]


def tcp(client, server, stack, seconds, *arguments):
    """TCP as iperf3's arguments say: speed, what was lost, and CPU for a Gbit."""
    dropped, machine, tunnel = drops(stack), cpu_of_machine(), sum(map(cpu_of, stack.pids))
    end = iperf(client, server, stack, seconds, *arguments)
    machine, tunnel = cpu_of_machine() - machine, sum(map(cpu_of, stack.pids)) - tunnel
    # With --bidir there are two of each.
    received = [end[name] for name in ("sum_received", "sum_received_bidir_reverse") if name in end]
    sent = [end[name] for name in ("sum_sent", "sum_sent_bidir_reverse") if name in end]
    gbit = max(sum(way["bytes"] for way in received), 1) * 8e-9
    return {"mbit_per_s": sum(way["bits_per_second"] for way in received) * 1e-6,
            "retransmits": sum(way["retransmits"] for way in sent),
            "drops": drops(stack) - dropped, "tunnel_cpu_s_per_gbit": tunnel / gbit,
            "machine_cpu_s_per_gbit": machine / gbit}


def udp(client, server, stack, seconds, size):
    """As many packets of `size` octets, IP header included, as get in: how many arrive in a second."""
    end = iperf(client, server, stack, seconds, "-u", "-b", "0", "-l", size - UDP_HEADERS)["sum"]
    return {"packets_per_s": (end["packets"] - end["lost_packets"]) / end["seconds"],
            "sent_per_s": end["packets"] / end["seconds"]}


def round_trip_us(pings):
    """Median round trip of what ping(8) printed."""
    times = [float(found) for found in re.findall(r"time=([\d.]+) ms", pings)]
    if not times:
        raise RuntimeError("no ping was answered")
    return 1000 * statistics.median(times)


def idle_round_trip(client, stack):
    return {"us": round_trip_us(client.run("ping", "-n", "-c", "50", "-i", "0.02", "-W", "2", stack.address).stdout)}


def loaded(client, server, stack, seconds):
    """TCP in one flow, and the round trip meanwhile."""
    ping = client.start("ping", "-n", "-w", max(1, int(seconds)), "-i", LOADED_PING_SECONDS, stack.address,
                        stdout=subprocess.PIPE, text=True)
    time.sleep(0.1)
    measured = tcp(client, server, stack, seconds)
    return measured | {"round_trip_us": round_trip_us(ping.communicate()[0])}


def everything(client, server, stack, seconds):
    """All figures of one stack in one round, {"measure.figure": value}. The run with one flow lasts `seconds`, each
    other a third of that."""
    shorter = max(1, round(seconds / 3))
    measured = {"idle_round_trip": idle_round_trip(client, stack),
                "tcp_1": loaded(client, server, stack, seconds),
                "tcp_1_reverse": tcp(client, server, stack, shorter, "-R"),
                "tcp_both": tcp(client, server, stack, shorter, "--bidir"),
                "tcp_8": tcp(client, server, stack, shorter, "-P", "8"),
                "udp_64": udp(client, server, stack, shorter, 64),
                "udp_1400": udp(client, server, stack, shorter, 1400)}
    return flat(measured)


def flat(measured):
    """{"measure.figure": value} of {measure: {figure: value}}."""
    return {f"{measure}.{figure}": value for measure, figures in measured.items() for figure, value in figures.items()}
