"""One cell that defines what the official conformance suite asks a server for.

The names, arguments and texts are the suite's (``@modelcontextprotocol/conformance``); the
functions are a notebook's: decorators, and ``Context`` where something is asked or reported.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Annotated, Any, Literal

import mcp_types as types
from mcp.server.mcpserver import Context, Image
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.server.mcpserver.resolve import Resolve, Sample
from pydantic import BaseModel, Field

from mcp_notebook import prompt, resource, tool
from mcp_notebook.runtime.current import current

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
SILENCE = base64.b64decode("UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=")


def text_file(uri: str, text: str, kind: str = "text/plain") -> types.EmbeddedResource:
    contents = types.TextResourceContents(uri=uri, mime_type=kind, text=text)
    return types.EmbeddedResource(type="resource", resource=contents)


# ---- tools that answer ----------------------------------------------------------------------


@tool
def test_simple_text() -> str:
    """Answer with text."""
    return "This is a simple text response for testing."


@tool
def test_image_content() -> Image:
    """Answer with an image."""
    return Image(data=PIXEL, format="png")


@tool
def test_audio_content() -> list[types.AudioContent]:
    """Answer with sound."""
    data = base64.b64encode(SILENCE).decode()
    return [types.AudioContent(type="audio", data=data, mime_type="audio/wav")]


@tool
def test_embedded_resource() -> list[types.EmbeddedResource]:
    """Answer with a resource."""
    return [text_file("test://embedded-resource", "This is an embedded resource content.")]


@tool
def test_multiple_content_types() -> list[types.ContentBlock]:
    """Answer with text, an image and a resource."""
    data = base64.b64encode(PIXEL).decode()
    return [
        types.TextContent(type="text", text="Multiple content types test:"),
        types.ImageContent(type="image", data=data, mime_type="image/png"),
        text_file(
            "test://mixed-content-resource", '{"test": "data", "value": 123}', "application/json"
        ),
    ]


@tool
def test_error_handling() -> str:
    """Fail."""
    raise RuntimeError("This tool intentionally returns an error for testing")


@tool
async def test_tool_with_logging(ctx: Context) -> str:
    """Log three lines."""
    for line in ("started", "processing data", "completed"):
        await ctx.info(f"Tool {line}")
        await asyncio.sleep(0.05)
    return "Tool with logging executed successfully"


@tool
async def test_logging_tool(ctx: Context) -> str:
    """Log a line to whoever asked for lines."""
    await ctx.info("a line that was asked for")
    return "logged"


@tool
async def test_tool_with_progress(ctx: Context) -> str:
    """Report progress three times."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100, f"Completed step {done} of 100")
        await asyncio.sleep(0.05)
    return "done"


@tool
def test_trigger_tool_change() -> str:
    """Define one more tool."""
    current().tool(lambda: "here", name="test_added_tool", description="Came later.")
    return "a tool came"


@tool
def test_trigger_prompt_change() -> str:
    """Define one more prompt."""
    current().prompt(lambda: "here", name="test_added_prompt", description="Came later.")
    return "a prompt came"


# ---- tools that ask, legacy era: a request of the server ------------------------------------


class Answer(BaseModel):
    """A word of the user."""

    response: str = Field(description="User's response")


class Person(BaseModel):
    """A form in which every field has a default."""

    name: str = Field(default="John Doe", description="User name")
    age: int = Field(default=30, description="User age")
    score: float = Field(default=95.5, description="User score")
    status: Literal["active", "inactive", "pending"] = Field(
        default="active", description="User status"
    )
    verified: bool = Field(default=True, description="Verification status")


def titled(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"const": const, "title": title} for const, title in pairs]


class Choices(BaseModel):
    """A form with the five kinds of choices."""

    untitledSingle: Literal["option1", "option2", "option3"]
    titledSingle: str = Field(
        json_schema_extra={"oneOf": titled(("value1", "First"), ("value2", "Second"))}
    )
    legacyEnum: str = Field(
        json_schema_extra={"enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]}
    )
    untitledMulti: list[Literal["option1", "option2", "option3"]]
    titledMulti: list[str] = Field(
        json_schema_extra={
            "items": {"anyOf": titled(("value1", "First Choice"), ("value2", "Second Choice"))}
        }
    )


async def asked(ctx: Context, message: str, form: type[BaseModel]) -> str:
    result = await ctx.elicit(message=message, schema=form)
    content = result.data.model_dump() if result.action == "accept" else {}
    return f"action={result.action}, content={json.dumps(content)}"


@tool
async def test_elicitation(message: str, ctx: Context) -> str:
    """Ask the user."""
    return f"User response: {await asked(ctx, message, Answer)}"


@tool
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Ask with defaults."""
    return f"Elicitation completed: {await asked(ctx, 'Who are you?', Person)}"


@tool
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Ask for choices."""
    return f"Elicitation completed: {await asked(ctx, 'Choose.', Choices)}"


@tool
async def test_sampling(prompt: str, ctx: Context) -> str:
    """Ask the client's model."""
    said = types.TextContent(type="text", text=prompt)
    result = await ctx.session.create_message(
        messages=[types.SamplingMessage(role="user", content=said)],
        max_tokens=100,
        # without it the question goes to the GET stream, which a client may not have opened yet
        related_request_id=ctx.request_id,
    )
    return f"LLM response: {getattr(result.content, 'text', '')}"


# ---- tools that ask, modern era: a result that says what is missing ---------------------------


def form(message: str, name: str, kind: str = "string") -> types.ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    params = types.ElicitRequestFormParams(message=message, requested_schema=schema)
    return types.ElicitRequest(params=params)


def sampling(question: str, max_tokens: int = 100) -> types.CreateMessageRequest:
    said = types.TextContent(type="text", text=question)
    messages = [types.SamplingMessage(role="user", content=said)]
    params = types.CreateMessageRequestParams(messages=messages, max_tokens=max_tokens)
    return types.CreateMessageRequest(params=params)


def missing(
    ctx: Context, state: str | None = None, **questions: Any
) -> types.InputRequiredResult | None:
    """What is still to be asked, or ``None`` where each question has its answer."""
    if set(questions) <= set(ctx.input_responses or {}):
        return None
    return types.InputRequiredResult(input_requests=questions, request_state=state)


@tool
async def test_input_required_result_elicitation(ctx: Context) -> str | types.InputRequiredResult:
    """Ask for a name."""
    wanted = missing(ctx, user_name=form("What is your name?", "name"))
    if wanted is not None:
        return wanted
    answer = (ctx.input_responses or {})["user_name"]
    assert isinstance(answer, types.ElicitResult)
    return f"Hello, {(answer.content or {}).get('name')}!"


@tool
async def test_input_required_result_sampling(ctx: Context) -> str | types.InputRequiredResult:
    """Ask the client's model."""
    wanted = missing(ctx, capital_question=sampling("What is the capital of France?"))
    return wanted or f"It said: {(ctx.input_responses or {})['capital_question']}"


@tool
async def test_input_required_result_list_roots(ctx: Context) -> str | types.InputRequiredResult:
    """Ask for the client's folders."""
    wanted = missing(ctx, client_roots=types.ListRootsRequest())
    return wanted or f"The roots are: {(ctx.input_responses or {})['client_roots']}"


@tool
async def test_input_required_result_request_state(
    ctx: Context,
) -> str | types.InputRequiredResult:
    """Ask, and know the call again by its state."""
    wanted = missing(ctx, "round-1", confirm=form("Please confirm", "ok", "boolean"))
    return wanted or ("state-ok" if ctx.request_state == "round-1" else "state-lost")


@tool
async def test_input_required_result_tampered_state(
    ctx: Context,
) -> str | types.InputRequiredResult:
    """Ask, with a state that must come back as it was."""
    wanted = missing(ctx, "sealed", confirm=form("Please confirm", "ok", "boolean"))
    return wanted or "the state came back whole"


@tool
async def test_input_required_result_multiple_inputs(
    ctx: Context,
) -> str | types.InputRequiredResult:
    """Ask three things at once."""
    wanted = missing(
        ctx,
        "three",
        user_name=form("What is your name?", "name"),
        greeting=sampling("Generate a greeting", 50),
        client_roots=types.ListRootsRequest(),
    )
    return wanted or "all three came"


@tool
async def test_input_required_result_multi_round(
    ctx: Context,
) -> str | types.InputRequiredResult:
    """Ask twice."""
    if ctx.request_state == "round-1":
        question = form("Step 2: What is your favorite color?", "color")
        return types.InputRequiredResult(
            input_requests={"step2": question}, request_state="round-2"
        )
    if ctx.request_state == "round-2":
        return "both came"
    question = form("Step 1: What is your name?", "name")
    return types.InputRequiredResult(input_requests={"step1": question}, request_state="round-1")


@tool
async def test_input_required_result_capabilities(
    ctx: Context,
) -> str | types.InputRequiredResult:
    """Ask only what the client can answer."""
    can = ctx.client_capabilities
    questions: dict[str, Any] = {}
    if can is not None and can.sampling is not None:
        questions["thought"] = sampling("Think of a number")
    if can is not None and can.elicitation is not None:
        questions["number"] = form("Which number?", "number", "integer")
    return missing(ctx, **questions) or "answered"


async def thought() -> Sample:
    said = types.TextContent(type="text", text="Think.")
    return Sample([types.SamplingMessage(role="user", content=said)], max_tokens=10)


@tool
async def test_missing_capability(
    words: Annotated[types.CreateMessageResult, Resolve(thought)],
) -> str:
    """Needs a client whose model can be asked."""
    return f"{words.model} answered"


@tool
async def test_streaming_elicitation(ctx: Context) -> str | types.InputRequiredResult:
    """Report, then ask."""
    await ctx.report_progress(1, 2)
    return missing(ctx, colour=form("Which colour?", "colour")) or "answered"


# ---- resources ----------------------------------------------------------------------


@resource("test://static-text", mime_type="text/plain")
def static_text() -> str:
    """A text."""
    return "This is the content of the static text resource."


@resource("test://static-binary", mime_type="image/png")
def static_binary() -> bytes:
    """A picture."""
    return PIXEL


@resource("test://template/{id}/data", mime_type="application/json")
def template(id: str) -> str:
    """One of many."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


@resource("test://watched-resource", mime_type="text/plain")
def watched() -> str:
    """One to subscribe to."""
    return "Watched resource content"


# ---- prompts and completion -------------------------------------------------------------


@prompt
def test_simple_prompt() -> str:
    """No argument."""
    return "This is a simple prompt for testing."


@prompt
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """Two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@prompt
def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    """A resource in a prompt."""
    return [
        UserMessage(text_file(resourceUri, "Embedded resource content for testing.")),
        UserMessage("Please process the embedded resource above."),
    ]


@prompt
def test_prompt_with_image() -> list[UserMessage]:
    """A picture in a prompt."""
    data = base64.b64encode(PIXEL).decode()
    picture = types.ImageContent(type="image", data=data, mime_type="image/png")
    return [UserMessage(picture), UserMessage("Please analyze the image above.")]


@prompt
async def test_input_required_result_prompt(ctx: Context) -> str | types.InputRequiredResult:
    """A prompt that asks first."""
    wanted = missing(ctx, user_context=form("What context should the prompt use?", "context"))
    return wanted or "Use the context that was given."


async def complete(
    ref: types.PromptReference | types.ResourceTemplateReference,
    argument: types.CompletionArgument,
    context: types.CompletionContext | None,
) -> types.Completion:
    words = [word for word in ("paris", "park", "party") if word.startswith(argument.value)]
    return types.Completion(values=words, total=len(words), has_more=False)


current().server("notebook").completion()(complete)
