#!/usr/bin/env python3
"""MPPC against a model of its own, written from RFC 2118 4: mppc_model.py MPPC_TOOL

What the program compresses the model has to expand, and the other way round.
"""

import random
import subprocess
import sys

HISTORY = 8192
# RFC 2118 4.2.1 and 4.2.2: prefix, then so many bits, from this value on.
DISTANCES = (("1111", 6, 0), ("1110", 8, 64), ("110", 13, 320))
LENGTHS = (("0", 0, 3),) + tuple(("1" * n + "0", n + 1, 2 << n) for n in range(1, 12))


class Expander:
    def __init__(self):
        self.history, self.position = bytearray(HISTORY), 0

    def expand(self, octets, fresh, front):
        bits = "".join(f"{octet:08b}" for octet in octets)
        if fresh:
            self.history = bytearray(HISTORY)
        start = 0 if fresh or front else self.position
        at, position = 0, start

        def take(count):
            nonlocal at
            at += count
            return int(bits[at - count:at], 2) if count else 0

        def choose(table):
            nonlocal at
            prefix, count, base = next(row for row in table if bits.startswith(row[0], at))
            at += len(prefix)
            return base + take(count)

        while len(bits) - at >= 8:
            if bits[at] == "0":
                self.history[position] = take(8)
            elif bits[at + 1] == "0":
                take(2)
                self.history[position] = 0x80 | take(7)
            else:
                distance, length = choose(DISTANCES), choose(LENGTHS)
                for _ in range(length):
                    self.history[position] = self.history[(position - distance) % HISTORY]
                    position += 1
                continue
            position += 1
        self.position = position
        return bytes(self.history[start:position])


class Compressor:
    """Greedy, and without any hurry."""

    def __init__(self):
        self.sent = b""

    def compress(self, packet):
        front = len(self.sent) + len(packet) > HISTORY
        before = b"" if front else self.sent
        whole, at, bits = before + packet, len(before), ""
        while at < len(whole):
            length, source = 0, 0
            while at + length < len(whole):
                found = whole.rfind(whole[at:at + length + 1], 0, at + length)
                if found < 0 or length == 700:
                    break
                length, source = length + 1, found
            if length < 3:
                octet = whole[at]
                bits += f"{octet:08b}" if octet < 0x80 else f"10{octet & 0x7F:07b}"
                at += 1
                continue
            for value, table in ((at - source, reversed(DISTANCES)), (length, reversed(LENGTHS))):
                prefix, count, base = next(row for row in table if value >= row[2])
                bits += prefix + (f"{value - base:0{count}b}" if count else "")
            at += length
        self.sent = whole
        bits += "0" * (-len(bits) % 8)
        return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)), front


def packets(seed, count):
    rng = random.Random(seed)
    words = [bytes(rng.randrange(256) for _ in range(rng.randrange(2, 40))) for _ in range(60)]
    for _ in range(count):
        packet, size = b"", rng.randrange(20, 1400)
        while len(packet) < size:
            packet += rng.choice(words) if rng.random() < 0.8 else bytes([rng.randrange(256)])
        yield rng, packet[:1500]


def ask(tool, lines):
    done = subprocess.run([tool], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def expand_what_it_compresses(tool):
    made = [("f" if rng.random() < 0.02 else "c", packet) for rng, packet in packets(1, 400)]
    answers = ask(tool, [f"{how} {packet.hex()}" for how, packet in made])
    model, fresh, compressed, fronts = Expander(), False, 0, 0
    for (how, packet), answer in zip(made, answers, strict=True):
        fresh = fresh or how == "f"
        if answer == "-":
            continue
        digits, front = answer.split()
        compressed, fronts = compressed + 1, fronts + int(front)
        if model.expand(bytes.fromhex(digits), fresh, front == "1") != packet:
            return False
        fresh = False
    return compressed > 300 and fronts > 10


def it_expands_what_is_compressed(tool):
    model, lines, sent = Compressor(), [], []
    for _, packet in packets(2, 60):
        octets, front = model.compress(packet)
        if front:
            model.sent = packet
        lines.append(f"e {octets.hex()} 0 {int(front)}")
        sent.append(packet.hex())
    return ask(tool, lines) == sent


def main():
    cases = {"mppc: the model expands what the program compresses": expand_what_it_compresses,
             "mppc: the program expands what the model compresses": it_expands_what_is_compressed}
    print(f"1..{len(cases)}")
    failed = 0
    for number, (title, case) in enumerate(cases.items(), 1):
        good = case(sys.argv[1])
        failed += not good
        print("ok" if good else "not ok", number, "-", title)
    return failed


sys.exit(main())
