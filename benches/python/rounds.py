"""rounds.py PACKAGE ROUNDS FILE...: the evaluation's participants in Python.

In each round all files are opened, read whole and closed; then it sleeps for a millisecond. It writes
"r" when it is ready, waits for a byte, works, writes "d" when it is done, and waits for the end of its
standard input.
"""

import os
import sys
import time

LARGEST = 100 << 10


def check(path, size, read):
    if read != size:
        sys.exit(f"{path}: {read} bytes read, not {size}")


def builtin(files):
    def reading():
        opened = [(path, size, open(path, "rb", buffering=0)) for path, size in files]
        for path, size, file in opened:
            with file:
                check(path, size, len(file.read()))

    return reading


def linux_aio(files):
    from linux_aio import AIOContext, ReadBlock

    context = AIOContext(len(files))
    buffers = [bytearray(LARGEST + 1) for _ in files]

    def reading():
        opened = [open(path, "rb", buffering=0) for path, _ in files]
        blocks = [ReadBlock(file, buffer) for file, buffer in zip(opened, buffers)]
        wanted = {id(block): whole for block, whole in zip(blocks, files)}
        if context.submit(*blocks) != len(files):
            sys.exit("linux_aio: not all were submitted")
        done = 0
        while done < len(files):
            for event in context.get_events(1, len(files)):
                check(*wanted[id(event.aio_block)], event.response)
                done += 1
        for file in opened:
            file.close()

    return reading


def libaio(files):
    from libaio import AIOBLOCK_MODE_READ, AIOBlock, AIOContext

    context = AIOContext(len(files))
    buffers = [bytearray(LARGEST + 1) for _ in files]

    def reading():
        opened = [open(path, "rb", buffering=0) for path, _ in files]
        wanted, blocks = {}, []
        for file, buffer, whole in zip(opened, buffers, files):
            block = AIOBlock(AIOBLOCK_MODE_READ, file, [buffer], 0)
            wanted[id(block)] = whole
            blocks.append(block)
        context.submit(blocks)
        done = 0
        while done < len(files):
            for block, read, _ in context.getEvents(1, None, None):
                check(*wanted[id(block)], read)
                done += 1
        for file in opened:
            file.close()

    return reading


def aiofile(files):
    import asyncio

    from aiofile import AIOFile

    async def read(path, size):
        async with AIOFile(path, "rb") as file:
            check(path, size, len(await file.read(LARGEST + 1)))

    return gathering(asyncio, read, files)


def aiofiles(files):
    import asyncio

    import aiofiles

    async def read(path, size):
        async with aiofiles.open(path, "rb", buffering=0) as file:
            check(path, size, len(await file.read()))

    return gathering(asyncio, read, files)


def gathering(asyncio, read, files):
    loop = asyncio.new_event_loop()

    async def reading():
        await asyncio.gather(*(read(path, size) for path, size in files))

    return lambda: loop.run_until_complete(reading())


def main():
    package, rounds, *paths = sys.argv[1:]
    participants = {"open": builtin, "linux_aio": linux_aio, "libaio": libaio}
    participants |= {"aiofile": aiofile, "aiofiles": aiofiles}
    reading = participants[package]([(path, os.stat(path).st_size) for path in paths])
    reading()
    os.write(1, b"r")
    os.read(0, 1)
    for _ in range(int(rounds)):
        reading()
        time.sleep(0.001)
    os.write(1, b"d")
    while os.read(0, 1):
        pass
    os._exit(0)


main()
