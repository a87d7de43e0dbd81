"""Does what a plain script does, and prints what it cost: `python client_bare.py URL PROMPTS IN_FLIGHT httpx|aiohttp`.

PROMPTS is a file that `bench_annotate.write_prompts` wrote.
"""

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

import openai
from metering import metered

URL, PROMPTS, IN_FLIGHT, TRANSPORT = sys.argv[1:]


def encoded(image: str) -> str:
    """Read an image as base64."""
    return base64.b64encode(Path(image).read_bytes()).decode()


async def ask_all(client: openai.AsyncOpenAI, asked: dict[str, Any]) -> list[str]:
    """Ask every prompt, so many at a time, and keep the texts."""
    semaphore = asyncio.Semaphore(int(IN_FLIGHT))
    texts: list[str] = []

    async def ask(prompt: dict[str, str]) -> None:
        async with semaphore:
            picture = {"url": f"data:image/png;base64,{encoded(prompt['image'])}", "detail": "high"}
            content = [{"type": "image_url", "image_url": picture}, {"type": "text", "text": prompt["user"]}]
            answer = await client.chat.completions.create(
                model="gpt-4o",
                max_tokens=2048,
                messages=[{"role": "system", "content": asked["system"]}, {"role": "user", "content": content}],
                response_format=asked["response_format"],
            )
            texts.append(answer.choices[0].message.content or "")

    await asyncio.gather(*(ask(prompt) for prompt in asked["prompts"]))
    await client.close()
    return texts


def main() -> dict[str, Any]:
    """Run the loop from start to end."""
    http_client = openai.DefaultAioHttpClient() if TRANSPORT == "aiohttp" else None
    client = openai.AsyncOpenAI(api_key="none", base_url=URL, http_client=http_client)
    return {"done": len(asyncio.run(ask_all(client, json.loads(Path(PROMPTS).read_text()))))}


if __name__ == "__main__":
    assert openai.AsyncOpenAI(api_key="none").chat.completions  # imported on first use
    print(json.dumps(metered(main)))
