"""The checks of lesson 04, WebSocket duplex."""

from __future__ import annotations

from typing import Any, Final

from mcp_notebook.errors import ConnectError, MissingProgram

from .attempt import Attempt, Ran, brief
from .cutlines import CUTS, ENDLESS, CutWorld
from .exercise import exercise
from .verdict import Verdict, failed, passed

# ---- 04.1 ------------------------------------------------------------------------------------

_KEY: Final = b"\x37\xfa\x21\x3d"
_TEXT: Final = 1


def _masked(payload: bytes) -> bytes:
    return bytes(byte ^ _KEY[place % 4] for place, byte in enumerate(payload))


def _frame(payload: bytes, opcode: int = _TEXT, *, mask: bool = False, fin: bool = True) -> bytes:
    """One frame."""
    size, bit = len(payload), 0x80 * mask
    if size < 126:
        length = bytes([bit | size])
    elif size < 65536:
        length = bytes([bit | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([bit | 127]) + size.to_bytes(8, "big")
    body = _KEY + _masked(payload) if mask else payload
    return bytes([0x80 * fin | opcode]) + length + body


def _long(size: int) -> bytes:
    return (b'{"jsonrpc": "2.0", "id": 1, "result": {}} ' * (size // 42 + 1))[:size]


_FRAMES: Final[list[tuple[str, bytes, int, bytes]]] = [
    ("an unmasked text of 5 bytes", _frame(b"Hello"), _TEXT, b"Hello"),
    ("a masked text of 5 bytes", _frame(b"Hello", mask=True), _TEXT, b"Hello"),
    ("a text of 300 bytes", _frame(_long(300)), _TEXT, _long(300)),
    ("a masked text of 300 bytes", _frame(_long(300), mask=True), _TEXT, _long(300)),
    ("a masked text of 125 bytes", _frame(_long(125), mask=True), _TEXT, _long(125)),
    ("a masked text of 70,000 bytes", _frame(_long(70000), mask=True), _TEXT, _long(70000)),
    ("a ping without a payload", _frame(b"", 9), 9, b""),
    ("the first of two fragments", _frame(b"half", mask=True, fin=False), _TEXT, b"half"),
    ("a frame with another one behind it", _frame(b"one") + _frame(b"two"), _TEXT, b"one"),
    ("letters beyond ASCII", _frame("漢字".encode(), mask=True), _TEXT, "漢字".encode()),
]


@exercise(
    "04.1",
    title="Read a frame",
    hints=(
        "The opcode is data[0] & 0x0F, the length data[1] & 0x7F, the mask bit data[1] & 0x80.",
        "A length of 126 means that the two bytes after it are the length: "
        "int.from_bytes(data[2:4], 'big'). With 127 it is eight bytes.",
        "If the mask bit is set, four bytes follow. Unmask with payload[i] ^ mask[i % 4], "
        "and take exactly as many bytes as the length says.",
    ),
    start="Write the body of read_frame: give (opcode, payload).",
)
def frames(attempt: Attempt) -> Verdict:
    """A reader takes frames of every length, masked or not."""
    read = attempt.get("read_frame", kind=callable)
    at: list[int] = []

    def read_frames() -> list[Any]:
        """All of them in one run, up to the first that is wrong."""
        found = []
        for number, (_, data, opcode, payload) in enumerate(_FRAMES):
            at[:] = [number]
            found.append(read(data))
            if _misread(found[-1], "", opcode, payload) is not None:
                break
        return found

    ran = attempt.run(read_frames, catch=True)
    what, _, opcode, payload = _FRAMES[at[0]]
    if (wrong := _broke(ran, what)) is not None:
        return wrong
    if (wrong := _misread(ran.value[-1], what, opcode, payload)) is not None:
        return wrong
    return passed(f"{len(_FRAMES)} frames, short and long, masked and not, all read right.")


def _broke(ran: Ran, what: str) -> Verdict | None:
    if isinstance(ran.error, NotImplementedError):
        return failed("It is not written yet.", frames.start)
    if ran.timed_out:
        return failed(f"It did not end, with {what}.", "No loop is needed but the one over bytes.")
    if ran.error is not None:
        return failed(
            f"{type(ran.error).__name__}: {brief(str(ran.error))}, with {what}.",
            "Try it on that frame: its head may be shorter or longer than you think.",
        )
    return None


def _misread(value: Any, what: str, opcode: int, payload: bytes) -> Verdict | None:
    if not (isinstance(value, tuple | list) and len(value) == 2):
        return failed(f"It gave {brief(value)}, with {what}.", "Give two: (opcode, payload).")
    if value[0] != opcode:
        return failed(
            f"The opcode was {brief(value[0])} and not {opcode}, with {what}.",
            "It is the low four bits of byte 0; the bit on the left is FIN: data[0] & 0x0F.",
        )
    found = value[1]
    if isinstance(found, str):
        return failed(
            f"The payload is a str, with {what}.", "Give bytes: a frame may end inside a character."
        )
    if isinstance(found, bytes | bytearray | memoryview) and found == payload:
        return None
    if isinstance(found, list):
        return failed(f"The payload is a list, with {what}.", "bytes(...) makes bytes of it.")
    return failed(f"The payload was {brief(found)}, with {what}.", _payload_hint(found, payload))


def _as_bytes(found: Any) -> bytes:
    try:
        return bytes(found)
    except (TypeError, ValueError):
        return b""


def _payload_hint(found: Any, payload: bytes) -> str:
    got = _as_bytes(found)
    hidden = _masked(payload)
    if got in (hidden, _KEY + hidden, (_KEY + hidden)[: len(payload)]):
        return "It is still masked: with the mask bit set, take four bytes and XOR with them."
    if len(got) == 126 or (len(payload) > 125 and len(got) in (122, 124, 128, 130)):
        return "126 and 127 are no lengths: they say that the length stands in the bytes after."
    if got.startswith(payload):
        return "What comes after the frame belongs to the next one: take length bytes, no more."
    if got.endswith(payload):
        return "The payload begins after the longer length and after the mask, if there are any."
    if len(got) == len(payload):
        return "The number of bytes is right. Does the payload begin where it should?"
    return "How long is the head of this frame? Two bytes, the longer length, the mask."


# ---- 04.2 ------------------------------------------------------------------------------------


@exercise(
    "04.2",
    title="Three lines for nginx",
    hints=(
        "To its server nginx speaks HTTP/1.0 unless told otherwise, and 1.0 knows no upgrade: "
        "proxy_http_version 1.1;",
        "proxy_set_header NAME VALUE; sends a header on. The client's own header Upgrade is "
        "$http_upgrade.",
        "The two headers are Upgrade, with $http_upgrade, and Connection, with upgrade.",
    ),
    start="Write lines into LINES; each ends with a semicolon. 505 speaks of the HTTP version.",
)
def upgrade(attempt: Attempt) -> Verdict:
    """The upgrade gets through nginx."""
    lines = attempt.get("LINES", kind=str)
    status_behind = attempt.get("status_behind", kind=callable)
    ran = attempt.run(status_behind, lines, timeout_s=40, catch=True)
    if isinstance(ran.error, MissingProgram):
        return failed(str(ran.error), "Install it, then check again.")
    if isinstance(ran.error, ConnectError):
        said = " ".join(str(ran.error).split())[:300]
        hint = "Does each line end with a semicolon?"
        if "unknown directive" in said:
            hint = "A header is written proxy_set_header NAME VALUE;"
        return failed(f"nginx refused the lines. {said}", hint)
    if ran.timed_out or ran.error is not None:
        trouble = "it did not end" if ran.timed_out else brief(str(ran.error))
        return failed(f"status_behind did not work: {trouble}.", "Run the cells above once more.")
    if ran.value == 101:
        return passed("101: nginx passes the upgrade on, and then the frames.")
    if not lines.split():
        attempt.untouched(f"LINES is empty, and the status is {brief(ran.value)}.")
    return failed(f"The status is {brief(ran.value)}.", _status_hint(ran.value, lines))


def _status_hint(status: Any, lines: str) -> str:
    if status == 505:
        return "To the server nginx still speaks HTTP/1.0, which has no upgrade."
    if status == 426:
        has_upgrade = "http_upgrade" in lines
        if has_upgrade and "Connection" not in lines:
            return "Upgrade arrives. nginx still sends its own Connection: close with it."
        if "Connection" in lines and not has_upgrade:
            return "Connection arrives, but the server is not told what to upgrade to."
        return "The server saw a plain GET: the two headers of the upgrade did not arrive."
    return "101 is what an upgrade looks like. The log of nginx may say more."


# ---- 04.3 ------------------------------------------------------------------------------------

_AMOUNTS: Final = [[5, 7, 7, 1, 30, 2, 2, 2, 11, 4], [7, 5, 1, 1, 8, 2, 90, 3, 6, 7]]


@exercise(
    "04.3",
    title="No call lost, none done twice",
    hints=(
        "Catch ConnectionError around send and recv together, dial again, and send again.",
        "The server cannot know a repeated message by its amount. Give each payment a key of its "
        "own, which stays the same when it is sent again.",
        "In serve_one keep shop.setdefault('replies', {}) by key, and give the kept result where "
        "the key is there already. str(uuid.uuid4()) is a key that no other client uses.",
    ),
    start="A cut raises ConnectionError, from send or from recv: catch it around both, dial again, "
    "send again.",
)
def once(attempt: Attempt) -> Verdict:
    """Payments over lines that are cut: each is done once, and each is answered."""
    serve_one = attempt.get("serve_one", kind=callable)
    pay_all = attempt.get("pay_all", kind=callable)
    world = CutWorld(serve_one)

    def pay() -> list[Any]:
        """Two clients, one after the other, with the same server."""
        return [pay_all(world.dial, list(amounts)) for amounts in _AMOUNTS]

    ran = attempt.run(pay, catch=True, timeout_s=4)
    after = f"After {world.cuts} cut{'' if world.cuts == 1 else 's'}"
    if isinstance(ran.error, ConnectionError):
        return failed(f"{after} a ConnectionError ended pay_all.", once.start)
    if ran.timed_out or world.lines > ENDLESS:
        return failed(
            f"{after} it had dialled {world.lines} times and did not end.",
            "Leave the loop once the reply is there; a line that was cut stays dead.",
        )
    if ran.error is not None:
        return failed(
            f"{after}: {type(ran.error).__name__}: {brief(str(ran.error))}.",
            "Does serve_one cope with every message that pay_all sends?",
        )
    return _accounts(ran.value, world.shop.get("total"))


def _accounts(replies: Any, total: Any) -> Verdict:
    due = sum(map(sum, _AMOUNTS))
    for found, amounts in zip(replies, _AMOUNTS, strict=True):
        if not isinstance(found, list) or len(found) != len(amounts):
            return failed(
                f"pay_all gave {brief(found)} for {len(amounts)} amounts.",
                "Give one reply for each amount, also where the first try was cut.",
            )
    if not isinstance(total, int):
        return failed(f"The total is {brief(total)}.", "shop['total'] must stay the sum.")
    if total > due:
        return failed(
            f"{total} was paid instead of {due}.",
            "Something was done twice: the server had done its work when the line was cut. It "
            "must know a message that comes again: give it a key.",
        )
    if total < due:
        first = sum(_AMOUNTS[0])
        if total == first:
            return failed(
                f"{total} was paid instead of {due}; the second client's payments are missing.",
                "Its keys are those of the first client. A key must be unique among all clients: "
                "uuid.uuid4() makes one.",
            )
        return failed(
            f"{total} was paid instead of {due}.",
            "Different payments were taken for the same. Two may have the same amount, and two "
            "clients may count alike.",
        )
    running = 0
    for found, amounts in zip(replies, _AMOUNTS, strict=True):
        for reply, amount in zip(found, amounts, strict=True):
            running += amount
            if not isinstance(reply, dict) or reply.get("result") != running:
                return failed(
                    f"A reply was {brief(reply)}, its result should be {running}.",
                    "A message that comes again gets the reply that was lost, with the total as "
                    "it was then.",
                )
    return passed(f"{CUTS} cuts, {sum(map(len, _AMOUNTS))} payments: all answered, none twice.")


# ---- 04.4 ------------------------------------------------------------------------------------


def _cost(
    socket_open: float, socket_call: float, http_open: float, http_call: float
) -> dict[str, float]:
    return {
        "socket_open": socket_open,
        "socket_call": socket_call,
        "http_open": http_open,
        "http_call": http_call,
    }


_COSTS: Final[list[tuple[str, dict[str, float], int | None]]] = [
    ("opening 5 ms dearer, calls 1 ms cheaper", _cost(6, 1, 1, 2), 6),
    ("a socket that is cheaper in everything", _cost(1, 1, 2, 2), 1),
    ("a socket that is dearer in everything", _cost(3, 2, 1, 1), None),
    ("the same price for calls, opening dearer", _cost(3, 2, 1, 2), None),
    ("opening cheaper, calls dearer", _cost(1, 3, 2.5, 2), 1),
    ("opening cheaper by less than one call", _cost(1, 3, 1.5, 2), None),
    ("opening 0.5 ms dearer, calls 2 ms cheaper", _cost(1.5, 1, 1, 3), 1),
    ("opening 100 ms dearer, calls 0.25 ms cheaper", _cost(101, 1, 1, 1.25), 401),
]


@exercise(
    "04.4",
    title="Argue by numbers",
    hints=(
        "With n calls the socket takes socket_open + n * socket_call, HTTP http_open + n * "
        "http_call.",
        "If calls over the socket are not cheaper, more calls never help: only n = 1 is to try.",
        "The smallest whole n beyond (socket_open - http_open) / (http_call - socket_call), and "
        "at least 1: math.floor(...) + 1.",
    ),
    start="Write the body of crossover: give a whole number, or None.",
)
def numbers(attempt: Attempt) -> Verdict:
    """A rule that says from how many calls on a socket pays."""
    crossover = attempt.get("crossover", kind=callable)
    for what, cost, due in _COSTS:
        found = attempt.run(crossover, dict(cost)).value
        if (wrong := _misjudged(found, due, what)) is not None:
            return wrong
    mine = attempt.get("mine", kind=dict)
    own = attempt.run(crossover, dict(mine)).value
    if own is None:
        return passed("On your machine, with this tool, a socket never pays.")
    return passed(f"On your machine, with this tool, a socket pays from call {brief(own)} on.")


def _misjudged(found: Any, due: int | None, what: str) -> Verdict | None:
    if found == due and type(found) is type(due):
        return None
    seen = f"It gave {brief(found)} and not {due}, for {what}."
    if found is None or due is None:
        return failed(
            seen,
            "Is a call cheaper over the socket? Then it pays some day. If not, it pays with "
            "one call or never.",
        )
    if not isinstance(found, int) or isinstance(found, bool):
        return failed(seen, "Give a whole number: nobody makes half a call.")
    if found < 1:
        return failed(seen, "At least one call is made.")
    if found == due - 1:
        return failed(seen, "With that number both take the same time. The socket must take less.")
    return failed(seen, "Both roads have to be opened: compare open + n * call on either side.")
