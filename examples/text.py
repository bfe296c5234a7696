"""A question in writing, an answer in writing, with the official OpenAI SDK.

Run ``antiphon serve``, then ``python examples/text.py "Why is the sky blue?"``.
"""

import asyncio
import sys

from openai import AsyncOpenAI


async def main(question: str) -> None:
    """Print the answer as it is written."""
    client = AsyncOpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none-needed")
    async with client.realtime.connect(model="antiphon") as connection:
        await connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": question}],
            }
        )
        await connection.response.create(response={"output_modalities": ["text"]})
        async for event in connection:
            if event.type == "response.output_text.delta":
                print(event.delta, end="", flush=True)
            elif event.type == "response.done":
                print()
                return


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "What is the capital of Italy?"))
