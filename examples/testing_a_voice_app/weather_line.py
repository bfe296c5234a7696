"""A voice agent that tells the weather, with the OpenAI Agents SDK.

Nothing in it knows of tests: where the model is comes from the environment, as in production.
"""

import os

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from websockets.exceptions import ConnectionClosed

REALTIME_URL = "wss://api.openai.com/v1/realtime?model=gpt-realtime"
"""Where the model is, unless the variable ``REALTIME_URL`` says otherwise."""

APOLOGY = "I am sorry, something went wrong. Please call again."


@function_tool
def get_weather(city: str) -> str:
    """Get the present weather of a city."""
    return f"Rain in {city}, 7 degrees."


AGENT = RealtimeAgent(
    name="Weather line",
    instructions="You answer the telephone of the weather office. Be brief.",
    tools=[get_weather],
)


async def take_call(question: bytes) -> str:
    """Answer a caller's question.

    Args:
        question: What the caller says, until it is silent: 24 kHz PCM, 16 bits, mono.

    Returns:
        What the agent said, or an apology if it could not.
    """
    settings = {"url": os.environ.get("REALTIME_URL", REALTIME_URL)}
    try:
        async with await RealtimeRunner(AGENT).run(model_config=settings) as session:
            await session.send_audio(question)
            return await _answer(session) or APOLOGY
    except ConnectionClosed:
        return APOLOGY


async def _answer(session: RealtimeSession) -> str:
    said, calls_function = "", False
    async for event in session:
        if event.type == "raw_model_event":
            if event.data.type == "transcript_delta":
                said += event.data.delta
            elif event.data.type == "function_call":
                calls_function = True
        elif event.type == "agent_end":
            if not calls_function:
                break
            said, calls_function = said + " ", False
    return said
