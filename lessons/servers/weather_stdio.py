"""A small weather server over stdio, written with the Python SDK. Its weather never changes.

Connect to it from a notebook:

    %mcp connect lessons/servers/weather_stdio.py --as weather

It has two tools, a list of cities as a resource with a template for one city, and a prompt.
"""

from typing import Literal

from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel, Field

CELSIUS = {"Bergen": 9.5, "Cairo": 31.0, "Lima": 19.5, "Oslo": 4.0}

server = MCPServer("weather", instructions="Ask for one city at a time.", log_level="ERROR")


class Weather(BaseModel):
    """The weather of one city."""

    city: str
    temperature: float = Field(description="in the unit that was asked for")
    unit: Literal["celsius", "fahrenheit"]


def known(city: str) -> float:
    """The temperature of a city in degrees Celsius."""
    if city not in CELSIUS:
        raise ValueError(f"no weather for {city}; there is {', '.join(CELSIUS)}")
    return CELSIUS[city]


@server.tool()
def temperature(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> Weather:
    """The temperature in a city right now."""
    degrees = known(city)
    if unit == "fahrenheit":
        degrees = degrees * 9 / 5 + 32
    return Weather(city=city, temperature=degrees, unit=unit)


@server.tool()
def warmest(cities: list[str]) -> str:
    """The warmest of some cities."""
    return max(cities, key=known)


@server.resource("weather://cities", mime_type="text/plain")
def cities() -> str:
    """Every city there is weather for, one a line."""
    return "\n".join(CELSIUS)


@server.resource("weather://city/{name}", mime_type="text/plain")
def city(name: str) -> str:
    """The weather of one city in a sentence."""
    return f"It is {known(name)} °C in {name}."


@server.prompt()
def packing(destination: str) -> str:
    """What to pack for a journey."""
    return f"Look up the temperature in {destination} and tell me what to pack."


if __name__ == "__main__":
    server.run("stdio")
