"""A forward proxy that grants tunnels: it answers CONNECT, and then passes bytes on, unseen.

Start it in a terminal, on a port of your choice:

    python lessons/servers/tunnel_proxy.py 8125

Many companies have such a proxy at their edge. A browser asks it for a tunnel before each HTTPS
connection; a WebSocket client can do the same. This one reaches 127.0.0.1 only.
"""

import asyncio
import sys


async def copy(reader, writer):
    """Pass on what comes, until it ends."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # the other side is gone
    finally:
        writer.close()


async def tunnel(reader, writer):
    """One client: `CONNECT 127.0.0.1:PORT`, and then its bytes."""
    head = await reader.readuntil(b"\r\n\r\n")
    method, target = head.split(b" ", 2)[:2]
    host, _, port = target.decode().rpartition(":")
    if method != b"CONNECT" or host not in ("127.0.0.1", "localhost"):
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        return
    there, back = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await asyncio.gather(copy(reader, back), copy(there, writer))


async def main(port):
    """Serve until the process is ended."""

    async def one(reader, writer):
        try:
            await tunnel(reader, writer)
        except (OSError, ValueError, EOFError):
            writer.close()  # a port that only tries whether we listen

    server = await asyncio.start_server(one, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python tunnel_proxy.py PORT")
    asyncio.run(main(int(sys.argv[1])))
