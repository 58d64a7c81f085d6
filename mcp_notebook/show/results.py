"""What calls give back: the value, its pictures and sounds, or what failed and where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import blocks
from .markup import Bundle, Html, bundle, code, failed, faint, line, pre, strong
from .phrase import TOO_DEEP
from .text import clean, duration_text, lines, steady

if TYPE_CHECKING:
    from mcp_notebook.runtime.results import CallResult, PromptResult, ReadResult


def call_result(result: CallResult, *, stable: bool = False) -> Bundle:
    """The result of a tool call."""
    note = clean(result.note) if result.note else ""
    if stable:
        note = steady(note)
    tail = [f"({note})"] if note else []
    if result.pending:
        return bundle("\n".join([lines(repr(result)), *tail]))
    if result.is_error:
        return _failed(result, tail, stable)
    shown = [] if result.structured is None else [_value(result.value)]
    content = [blocks.block(one) for one in result.content]
    if shown:  # the text beside structured content says the same again
        content = [b for b, one in zip(content, result.content, strict=True) if one.type != "text"]
    shown += content
    plain = "\n".join([*(one.plain for one in shown), *tail]) or "(an empty result)"
    if not any(one.rich for one in shown):
        return bundle(plain)
    return bundle(plain, *(one.html for one in shown), *_tail(note), *_caption(result, stable))


def read_result(result: ReadResult, *, stable: bool = False) -> Bundle:
    """The contents of a resource."""
    if not result.contents:
        return bundle(f"{clean(result.uri, 200)} is empty")
    if len(result.contents) == 1 and hasattr(result.contents[0], "text"):
        return bundle(lines(result.contents[0].text))
    shown = [blocks.resource(one) for one in result.contents]
    return bundle("\n".join(one.plain for one in shown), *(one.html for one in shown))


def prompt_result(result: PromptResult, *, stable: bool = False) -> Bundle:
    """The messages of a prompt, each under its role."""
    plain, parts = [], []
    if result.description:
        plain.append(clean(result.description, 300))
        parts.append(line(faint(plain[0])))
    rich = False
    for message in result.messages:
        role, shown = clean(message.role, 20), blocks.block(message.content)
        rich |= shown.rich
        plain.append(f"{role}: {shown.plain}")
        parts += [line(strong(f"{role}:")), shown.html]
    return bundle("\n".join(plain) or "(no messages)", *(parts if rich else ()))


def pretty(value: Any) -> str:
    """A value as people read it: JSON over several lines, a text as it is."""
    if isinstance(value, str):
        return lines(value)
    if isinstance(value, dict | list):
        try:
            return lines(json.dumps(value, indent=2, ensure_ascii=False))
        except (TypeError, ValueError):
            return clean(repr(value))
        except RecursionError:
            return TOO_DEEP
    return clean(repr(value))


def _value(value: Any) -> blocks.Shown:
    plain = pretty(value)
    return blocks.Shown(plain, pre(plain))


def _failed(result: CallResult, tail: list[str], stable: bool) -> Bundle:
    head = f"{clean(result.tool, 80)} failed"
    said = lines(result.text or "The server gave no text.")
    said = steady(said) if stable else said
    frames = _frames(result, stable)
    media = [b for one in result.content if (b := blocks.block(one)).rich]
    plain = [f"{head}: {said}", *(f"  {frame}" for frame in frames), *(b.plain for b in media)]
    parts: list[Html] = [line(failed(head), f": {said}")]
    if frames:
        parts.append(pre("\n".join(frames)))
    parts += [b.html for b in media]
    parts += [line(faint(note)) for note in tail]
    return bundle("\n".join([*plain, *tail]), *parts)


def _frames(result: CallResult, stable: bool) -> list[str]:
    """The user's own frames, where the tool runs in this kernel."""
    from mcp_notebook.runtime.trouble import user_frames

    failure = result.failure
    if failure is None:
        return []
    frames = [lines(frame) for frame in user_frames(failure.error)]
    return [steady(frame) for frame in frames] if stable else frames


def _tail(note: str) -> list[Html]:
    return [line(faint(note))] if note else []


def _caption(result: CallResult, stable: bool) -> list[Html]:
    """Where the result came from, and in what time."""
    exchange = None if stable else result.exchange
    if exchange is None or exchange.latency_ns is None:
        return []
    return [
        line(
            faint("over "), code(clean(result.connection, 60)),
            faint(f", {duration_text(exchange.latency_ns)}"),
        )
    ]  # fmt: skip
