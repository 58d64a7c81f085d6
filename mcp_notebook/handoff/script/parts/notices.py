"""Notices of a written server that has several processes: each reaches the clients of all."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)
from redis.asyncio import Redis
from redis.exceptions import RedisError

EVENTS = {
    kind.__name__: kind
    for kind in (ToolsListChanged, PromptsListChanged, ResourcesListChanged, ResourceUpdated)
}
RECONNECT_S = 1.0


class RedisNotices:
    """Notices that go through a Redis channel to every process of this server.

    While Redis is away a notice reaches the clients of its own process.
    """

    def __init__(self, url: str, channel: str) -> None:
        self.url = url
        self.channel = channel
        self.here = InMemorySubscriptionBus()
        self.ready = asyncio.Event()
        self.listeners = 0
        self.task: asyncio.Task[None] | None = None

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Hear of every notice, until the returned function is called."""
        return self.here.subscribe(listener)

    async def publish(self, event: ServerEvent) -> None:
        """Tell the clients of all processes."""
        notice = {"kind": type(event).__name__, **vars(event)}
        if self.ready.is_set():
            with contextlib.suppress(RedisError, OSError):
                async with Redis.from_url(self.url) as redis:
                    await redis.publish(self.channel, json.dumps(notice))
                return
        await self.here.publish(event)

    @contextlib.asynccontextmanager
    async def lifespan(self, _server: Any) -> AsyncIterator[None]:
        """Listen to the channel while the server runs."""
        self.listeners += 1
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self.listen())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ready.wait(), 2 * RECONNECT_S)
        try:
            yield
        finally:
            self.listeners -= 1
            if self.listeners == 0 and self.task is not None:
                self.task.cancel()
                await asyncio.wait({self.task})
                self.task = None

    async def listen(self) -> None:
        """Pass on what the channel says; where it breaks off, begin anew."""
        while True:
            try:
                async with Redis.from_url(self.url) as redis, redis.pubsub() as channel:
                    await channel.subscribe(self.channel)
                    async for message in channel.listen():
                        if message["type"] == "subscribe":
                            self.ready.set()
                        elif message["type"] == "message":
                            notice = json.loads(message["data"])
                            await self.here.publish(EVENTS[notice.pop("kind")](**notice))
            except (RedisError, OSError) as error:
                logging.getLogger("mcp.notices").warning("Redis is away: %s", error)
            finally:
                self.ready.clear()
            await asyncio.sleep(RECONNECT_S)
