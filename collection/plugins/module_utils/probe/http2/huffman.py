# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Huffman code of header strings (RFC 7541 5.2 and Appendix B), decoded by half bytes.

The code is canonical: of each length the codes count up in the order of their symbols. So lengths are the whole table.
"""

from __future__ import annotations

from functools import lru_cache

#: Bits of a code -> its symbols in order; 256 is the end of the string, which is never sent.
_SYMBOLS: dict[int, bytes | tuple[int, ...]] = {
    5: b"012aceiost",
    6: b" %-./3456789=A_bdfghlmnpru",
    7: b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: b"&*,;XZ",
    10: b'!"()?',
    11: b"'+|",
    12: b"#>",
    13: b"\0$@[]~",
    14: b"^}",
    15: b"<`{",
    19: (92, 195, 208),
    20: (128, 130, 131, 162, 184, 194, 224, 226),
    21: (153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230),
    22: (
        *(129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196),
        *(198, 228, 232, 233),
    ),
    23: (
        *(1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180),
        *(182, 183, 188, 191, 197, 231, 239),
    ),
    24: (9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237),
    25: (199, 207, 234, 235),
    26: (192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255),
    27: (203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254),
    28: (*range(2, 9), 11, 12, *range(14, 22), *range(23, 32), 127, 220, 249),
    30: (10, 13, 22, 256),
}
_END = 256
_MOST_PADDING = 7
#: Longer strings are decoded each time: a server decides what is in them.
_KEPT = 256

Table = tuple[list[tuple[int, int]], frozenset[int]]


def decoded(data: bytes) -> bytes:
    """The string that `data` codes. Raises ValueError where it codes none."""
    return _remembered(data) if len(data) <= _KEPT else _decoded(data)


def codes() -> dict[int, tuple[int, int]]:
    """Symbol -> its code and how many bits it has."""
    found: dict[int, tuple[int, int]] = {}
    code = before = 0
    for bits, symbols in _SYMBOLS.items():
        code <<= bits - before
        before = bits
        for symbol in symbols:
            found[symbol] = code, bits
            code += 1
    return found


def _decoded(data: bytes) -> bytes:
    steps, whole = _table()
    out = bytearray()
    state = 0
    for byte in data:
        state, symbol = steps[state + (byte >> 4)]
        if symbol >= 0:
            out.append(symbol)
        state, symbol = steps[state + (byte & 15)]
        if symbol >= 0:
            out.append(symbol)
    if state not in whole:
        raise ValueError("a Huffman string that ends inside a symbol")
    return bytes(out)


_remembered = lru_cache(maxsize=1024)(_decoded)


@lru_cache(maxsize=1)
def _table() -> Table:
    """(state + half a byte) -> (next state, symbol or -1), and the states in which a string may end.

    A state is an inner node of the code's tree, times 16. No code is shorter than 5 bits: a step ends one at most.
    """
    nodes: list[list[int]] = [[0, 0]]  # to another node, or to a symbol as -1 - symbol
    for symbol, (code, bits) in codes().items():
        node = 0
        for bit in range(bits - 1, 0, -1):
            side = code >> bit & 1
            if not nodes[node][side]:
                nodes.append([0, 0])
                nodes[node][side] = len(nodes) - 1
            node = nodes[node][side]
        nodes[node][code & 1] = -1 - symbol
    lost = len(nodes) * 16  # the end of the string inside it: there is no way back
    steps = []
    for start in range(len(nodes)):
        for half in range(16):
            node, symbol = start, -1
            for bit in (3, 2, 1, 0):
                node = nodes[node][half >> bit & 1]
                if node < 0:
                    node, symbol = 0, -1 - node
                    if symbol == _END:
                        break
            steps.append((lost, -1) if symbol == _END else (node * 16, symbol))
    steps += [(lost, -1)] * 16
    whole, node = [0], 0
    for _unused in range(_MOST_PADDING):  # the first bits of the end's code, all ones
        node = nodes[node][1]
        whole.append(node * 16)
    return steps, frozenset(whole)
