import asyncio
import os

import chainlit as cl


@cl.on_message
async def answer(message: cl.Message):
    if message.elements:
        await cl.Message(f"{os.path.getsize(message.elements[0].path)} bytes").send()
    elif message.content == "Count":
        reply = cl.Message("")
        for step in (1, 2, 3):
            await reply.stream_token(f"{step} of 3\n\n")
            await asyncio.sleep(0.7)
        await reply.send()
    else:
        number = int(message.content)
        await cl.Message(f"Twice {number} is {number * 2}").send()
