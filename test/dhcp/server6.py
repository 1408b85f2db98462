"""A DHCPv6 server for what dnsmasq can't be made to do: leases of seconds, silence, forgetting.

Its one argument is JSON: link, pool (list), t1, t2, preferred, valid (seconds), options ({code:
hex}). It prints a line of JSON for each message that comes in, and for each "silent", "talk" or
"forget" that it is told on standard input.
"""

import json
import select
import socket
import struct
import sys

told = json.loads(sys.argv[1])
duid = bytes.fromhex("00030001") + told["link"].encode()
index = socket.if_nametoindex(told["link"])
types = {1: "SOLICIT", 3: "REQUEST", 4: "CONFIRM", 5: "RENEW", 6: "REBIND", 8: "RELEASE", 9: "DECLINE"}
leases = {}
mode = "talk"

sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, told["link"].encode() + b"\0")
sock.bind(("::", 547))
group = socket.inet_pton(socket.AF_INET6, "ff02::1:2") + struct.pack("@I", index)
sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)


def options_of(data):
    options, at = [], 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("!HH", data, at)
        options.append((code, data[at + 4 : at + 4 + length]))
        at += 4 + length
    return options


def option(code, value):
    return struct.pack("!HH", code, len(value)) + value


def status(code):
    return option(13, struct.pack("!H", code))


def granted(address):
    times = struct.pack("!II", told.get("preferred", 600), told.get("valid", 600))
    return option(5, socket.inet_pton(socket.AF_INET6, address) + times)


print(json.dumps({"ready": True}), flush=True)
while True:
    ready, _, _ = select.select([sock, sys.stdin], [], [])
    if sys.stdin in ready:
        line = sys.stdin.readline()
        if not line:
            break
        if line.strip() == "forget":
            leases.clear()
        else:
            mode = line.strip()
        print(json.dumps({"mode": line.strip()}), flush=True)
    if sock not in ready:
        continue
    data, source = sock.recvfrom(2048)
    options = options_of(data[4:])
    client = dict(options).get(1, b"").hex()
    ia = dict(options).get(3, b"")
    asked = [
        socket.inet_ntop(socket.AF_INET6, value[:16])
        for code, value in options_of(ia[12:])
        if code == 5
    ]
    server = dict(options).get(2)
    kind = types.get(data[0], data[0])
    seen = {code: value.hex() for code, value in options}
    event = {"type": kind, "from": source[0], "client": client, "asked": asked, "options": seen}
    print(json.dumps(event), flush=True)
    if mode == "silent" or server not in (None, duid):
        continue
    taken = [address for other, address in leases.items() if other != client]
    free = [address for address in told["pool"] if address not in taken]
    held = leases.get(client)
    inner, outer = b"", b""
    if kind in ("SOLICIT", "REQUEST"):
        address = held or (asked[0] if asked and asked[0] in free else free[0] if free else None)
        inner = granted(address) if address else status(2)
        if address and kind == "REQUEST":
            leases[client] = address
    elif kind in ("RENEW", "REBIND"):
        inner = granted(held) if held else status(3)
    elif kind == "DECLINE":
        told["pool"] = [address for address in told["pool"] if address not in asked]
        leases.pop(client, None)
    elif kind == "RELEASE":
        leases.pop(client, None)
    else:
        outer = status(0)
    if inner:
        outer += option(3, ia[:4] + struct.pack("!II", told.get("t1", 0), told.get("t2", 0)) + inner)
    for code, value in told.get("options", {}).items():
        outer += option(int(code), bytes.fromhex(value))
    answer = bytes([2 if kind == "SOLICIT" else 7]) + data[1:4]
    answer += option(1, bytes.fromhex(client)) + option(2, duid) + outer
    sock.sendto(answer, source)
