#!/usr/bin/env python3
"""Recomputes vectors.json from the words of the protocol.

Standard library only, and nothing shared with the Go code: its own RLP, its own
Merkle tree, and Ed25519 as RFC 8032 writes it. Exits with 1 on a difference.
The payers' signatures are over a keccak hash, which the library does not have;
tempo/tx76 checks those against vectors of its own.
"""
import hashlib
import json
import pathlib
import sys

failures = 0


def check(what, have, want):
    global failures
    if have != want:
        failures += 1
        print(f"{what}: recomputed {have!r}, the file says {want!r}")


def raw(text):
    return bytes.fromhex(text.removeprefix("0x"))


def H(tag, *parts):
    tag = ("allegro/v1/" + tag).encode()
    return hashlib.sha256(bytes([len(tag)]) + tag + b"".join(parts)).digest()


# RLP -------------------------------------------------------------------------

def integer(x):
    return x.to_bytes((x.bit_length() + 7) // 8, "big")


def head(offset, length):
    if length < 56:
        return bytes([offset + length])
    n = integer(length)
    return bytes([offset + 55 + len(n)]) + n


def rlp(x):
    if isinstance(x, int):
        x = integer(x)
    if isinstance(x, bytes):
        return x if len(x) == 1 and x[0] < 0x80 else head(0x80, len(x)) + x
    body = b"".join(map(rlp, x))
    return head(0xC0, len(body)) + body


def unrlp(data):
    """The first value of data and what follows it."""
    first = data[0]
    if first < 0x80:
        return data[:1], data[1:]
    offset = 0x80 if first < 0xC0 else 0xC0
    start, length = 1, first - offset
    if length > 55:
        start += length - 55
        length = int.from_bytes(data[1:start], "big")
    body, rest = data[start:start + length], data[start + length:]
    if offset == 0x80:
        return body, rest
    items = []
    while body:
        item, body = unrlp(body)
        items.append(item)
    return items, rest


# Ed25519 (RFC 8032) ----------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    x1, y1, x2, y2 = *a, *b
    k = D * x1 * x2 * y1 * y2
    return (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P


def times(n, point):
    out = (0, 1)
    while n:
        if n & 1:
            out = add(out, point)
        point, n = add(point, point), n >> 1
    return out


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (P - x if x & 1 != sign else x), y


BASE = point(bytes([0x58]) + bytes([0x66]) * 31)


def verifies(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return s < L and times(s, BASE) == add(point(signature[:32]), times(k, point(key)))


# The protocol ----------------------------------------------------------------

def committee_id(c):
    members = [[raw(m["key"]), m["weight"], raw(m["node_key"])] for m in c["members"]]
    return H("committee", rlp([c["chain_id"], c["epoch"], c["start"], c["end"], c["lane_kind"], members]))


def quorum(c):
    return 2 * sum(m["weight"] for m in c["members"]) // 3 + 1


def leaf(tx_id):
    return H("leaf", tx_id)


def node(left, right):
    return H("node", left, right)


def tree(level):
    """All levels, from the leaves to the root; an odd last node is promoted."""
    levels = [level]
    while len(level) > 1:
        pairs = [node(*level[i:i + 2]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1:]
        levels.append(level)
    return levels


def fold(tx_id, i, w, path):
    """The root that a path leads to; None if it has too few or too many elements."""
    h, path = leaf(tx_id), list(path)
    while w > 1:
        if not (w % 2 == 1 and i == w - 1):
            if not path:
                return None
            h = node(h, path.pop(0)) if i % 2 == 0 else node(path.pop(0), h)
        i, w = i // 2, (w + 1) // 2
    return h if not path else None


def batch_digest(committee, key, count, top):
    return H("batch", committee, key, count.to_bytes(4, "big"), top)


def check_committee(what, c):
    want = raw(c["id"])
    check(what + " id", committee_id(c), want)
    check(what + " quorum", quorum(c), c["quorum"])
    check(what + " topics", "/allegro/1/" + H("topic", want)[:4].hex(), c["topic_prefix"])


def check_lane(what, lane, c):
    asset = raw(lane["asset"])
    lane_id = H("lane", rlp([c["chain_id"], asset, raw(lane["sender"])]))
    check(what + " id", lane_id, raw(lane["id"]))
    home = int.from_bytes(lane_id, "big") % len(c["members"])
    check(what + " home", home, lane["home"])
    t = H("noncekey", rlp([c["chain_id"], asset]))
    if c["lane_kind"] == 0:
        key = b"\x41" + t[:31]
    else:
        key = b"\x5b" + raw(c["members"][home]["node_key"])[:15] + t[:16]
    check(what + " nonce key", key, raw(lane["nonce_key"]))
    check(what + " genesis", H("genesis", lane_id), raw(lane["genesis"]))
    check(what + " foreign", H("foreign", rlp([lane_id, lane["slot"], raw(lane["chain_tx"])])), raw(lane["foreign"]))
    check(what + " restart", H("restart", rlp([lane_id, lane["slot"], lane["restart_at"]])), raw(lane["restart"]))


def check_payment(what, p):
    envelope = rlp([
        p["chain_id"], raw(p["committee_id"]), raw(p["asset"]), raw(p["sender"]), p["seq"], raw(p["prev"]), raw(p["recipient"]),
        int(p["amount"]), int(p["max_fee"]), list(map(raw, p["parents"])), p["valid_before"], p["restart"], raw(p["note"]),
    ])
    check(what + " rlp", envelope, raw(p["rlp"]))
    check(what + " tx id", H("tx", envelope), raw(p["tx_id"]))
    both, rest = unrlp(raw(p["fastpay_tx"]))
    check(what + " bytes after it", rest, b"")
    check(what + " envelope in the payment", rlp(both[0]), envelope)
    check(what + " payment", rlp(both), raw(p["fastpay_tx"]))
    check(what + " signature length", len(both[1]), 65)
    check(what + " recovery value", both[1][-1] in (27, 28), True)


def check_batch(what, b):
    ids = list(map(raw, b["ids"]))
    check(what + " order", sorted(set(ids)), ids)
    leaves, *nodes = tree(list(map(leaf, ids)))
    check(what + " leaves", leaves, list(map(raw, b["leaves"])))
    check(what + " nodes", nodes, [list(map(raw, level)) for level in b["nodes"]])
    top = (nodes or [leaves])[-1][0]
    check(what + " root", top, raw(b["root"]))
    for i, tx_id in enumerate(ids):
        check(f"{what} path {i}", fold(tx_id, i, len(ids), map(raw, b["paths"][i])), top)
    check(what + " digest", batch_digest(raw(b["committee_id"]), raw(b["key"]), len(ids), top), raw(b["digest"]))


def check_qc(what, q, c):
    value, rest = unrlp(raw(q["bytes"]))
    check(what + " bytes after it", rest, b"")
    check(what + " encoding", rlp(value), raw(q["bytes"]))
    committee, payment, certificates = value
    check(what + " committee", committee, committee_id(c))
    check(what + " payment's committee", payment[0][1], committee)
    tx_id = H("tx", rlp(payment[0]))
    check(what + " tx id", tx_id, raw(q["tx_id"]))
    number = lambda b: int.from_bytes(b, "big")
    signers = [number(cert[0]) for cert in certificates]
    check(what + " signers", signers, q["signers"])
    check(what + " order of signers", sorted(set(signers)), signers)
    for signer, index, count, path, signature in certificates:
        member = c["members"][number(signer)]
        top = fold(tx_id, number(index), number(count), path)
        digest = batch_digest(committee, raw(member["key"]), number(count), top or b"")
        check(f"{what} signature of {number(signer)}", verifies(raw(member["key"]), digest, signature), True)
    weight = sum(c["members"][s]["weight"] for s in signers)
    check(what + " weight", weight, q["weight"])
    check(what + " reaches the quorum", weight >= quorum(c), True)


def main(path):
    with open(path, encoding="utf-8") as file:
        v = json.load(file)
    for i, c in enumerate(v["committees"]):
        check_committee(f"committee {i}", c)
    for i, lane in enumerate(v["lanes"]):
        check_lane(f"lane {i}", lane, v["committees"][lane["committee"]])
    for i, p in enumerate(v["payments"]):
        check_payment(f"payment {i}", p)
    for b in v["batches"]:
        check_batch(f"batch of {len(b['ids'])}", b)
    h = v["head"]
    body = [h["chain_id"], raw(h["committee_id"]), h["signer"], h["height"], raw(h["hash"]), h["time"],
            h["finalized_height"], raw(h["finalized_hash"]), h["finalized_time"]]
    check("head digest", H("head", rlp(body)), raw(h["digest"]))
    h = v["hello"]
    body = [raw(h["committee_id"]), raw(h["requester"]), raw(h["responder"]), raw(h["nonce"])]
    check("hello digest", H("hello", rlp(body)), raw(h["digest"]))
    check_qc("QC", v["qc"], v["committees"][v["qc"]["committee"]])
    return 1 if failures else 0


if __name__ == "__main__":
    beside = pathlib.Path(__file__).with_name("vectors.json")
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else beside))
