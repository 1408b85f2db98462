"""A DHCPv4 server for what dnsmasq can't be made to do: leases of seconds, NAK, silence.

Its one argument is JSON: link, server (address), pool (list), mask, lease, t1, t2, options
({code: hex}), nakRenewals. It prints a line of JSON for each message that comes in, and for each
"nak", "silent" or "talk" that it is told on standard input.
"""

import json
import select
import socket
import struct
import sys

told = json.loads(sys.argv[1])
server = socket.inet_aton(told["server"])
leases = {}
mode = told.get("mode", "talk")
types = {1: "DISCOVER", 3: "REQUEST", 4: "DECLINE", 7: "RELEASE"}

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, told["link"].encode() + b"\0")
sock.bind(("0.0.0.0", 67))


def options_of(data):
    options, at = {}, 240
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        length = data[at + 1]
        options[data[at]] = data[at + 2 : at + 2 + length]
        at += 2 + length
    return options


def answer(data, kind, address, to):
    def option(code, value):
        return bytes([code, len(value)]) + value

    reply = bytearray(data[:240])
    reply[0] = 2
    reply[16:20] = socket.inet_aton(address) if kind != 6 else b"\0\0\0\0"
    reply += option(53, bytes([kind])) + option(54, server)
    if kind == 6:
        reply += option(56, b"not today")
    else:
        reply += option(51, struct.pack("!I", told.get("lease", 600)))
        reply += option(1, socket.inet_aton(told.get("mask", "255.255.255.0")))
        for code, key in ((58, "t1"), (59, "t2")):
            if key in told:
                reply += option(code, struct.pack("!I", told[key]))
        for code, value in told.get("options", {}).items():
            reply += option(int(code), bytes.fromhex(value))
    sock.sendto(bytes(reply) + b"\xff", (to, 68))


print(json.dumps({"ready": True}), flush=True)
while True:
    ready, _, _ = select.select([sock, sys.stdin], [], [])
    if sys.stdin in ready:
        line = sys.stdin.readline()
        if not line:
            break
        mode = line.strip()
        print(json.dumps({"mode": mode}), flush=True)
    if sock not in ready:
        continue
    data, (source, _) = sock.recvfrom(2048)
    options = options_of(data)
    kind = options.get(53, b"\0")[0]
    client = options.get(61, data[28:34]).hex()
    ciaddr = socket.inet_ntoa(data[12:16])
    seen = {code: value.hex() for code, value in options.items()}
    print(
        json.dumps(
            {"type": types.get(kind, kind), "from": source, "ciaddr": ciaddr, "options": seen}
        ),
        flush=True,
    )
    if mode == "silent":
        continue
    if kind in (4, 7):
        if kind == 4:
            told["pool"].remove(socket.inet_ntoa(options[50]))
        leases.pop(client, None)
        continue
    if kind == 3 and options.get(54, server) != server:
        leases.pop(client, None)
        continue
    taken = [address for other, address in leases.items() if other != client]
    free = [address for address in told["pool"] if address not in taken]
    address = leases.get(client) or (free[0] if free else None)
    if mode == "nak" and kind == 3:
        leases.pop(client, None)
        answer(data, 6, "0.0.0.0", "255.255.255.255")
    elif address and kind in (1, 3):
        wanted = socket.inet_ntoa(options[50]) if 50 in options else ciaddr
        leases[client] = address
        if kind == 1:
            answer(data, 2, address, "255.255.255.255")
        elif wanted == address:
            answer(data, 5, address, ciaddr if ciaddr != "0.0.0.0" else "255.255.255.255")
        else:
            answer(data, 6, "0.0.0.0", "255.255.255.255")
