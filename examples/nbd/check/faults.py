"""Faults of the machine: failing and full disks, signals, clients and servers that are killed."""
import os, random, re, signal, socket, subprocess, time
from pathlib import Path

from clients import MIB, image, run
from server import (EIO, ENOSPC, FLUSH, LONG, PROGRAM, READ, TRIM, WRITE, ZEROES, Server, Wire, wait_for)


def test_block_device(directory):
    """A loop device: data, zeros, TRIM; it cannot be exported while it is mounted."""
    backing = image(directory, 64 * MIB)
    device = run('losetup', '--find', '--show', backing).strip()
    try:
        with Server(directory, device) as server, server.connect() as client:
            assert client.size == 64 * MIB
            data = os.urandom(4 * MIB)
            assert client.request(WRITE, MIB, 4 * MIB, data)[0] == 0
            assert client.request(READ, MIB, 4 * MIB) == (0, data)
            assert client.request(ZEROES, MIB, MIB, flags=1)[0] == 0
            assert client.request(ZEROES, 2 * MIB + 7, 100, flags=2)[0] == 0
            assert client.request(TRIM, 3 * MIB, MIB)[0] == 0
            expected = (bytes(MIB) + data[MIB:MIB + 7] + bytes(100) + data[MIB + 107:2 * MIB] + bytes(MIB)
                        + data[3 * MIB:])
            assert client.request(READ, MIB, 4 * MIB) == (0, expected)
        run('mkfs.ext4', '-q', device)
        (directory / 'mount').mkdir()
        run('mount', device, directory / 'mount')
        try:
            refused = subprocess.run([*server.command], capture_output=True, text=True, timeout=60)
            assert refused.returncode == 1 and 'mounted' in refused.stderr, refused.stderr
        finally:
            run('umount', directory / 'mount')
    finally:
        run('losetup', '--detach', device)


def test_failing_disk(directory):
    """The end of a loop device's file is cut off: requests there fail with EIO, the others do not."""
    backing = image(directory, 16 * MIB)
    device = run('losetup', '--find', '--show', backing).strip()
    try:
        with Server(directory, device) as server, server.connect() as client:
            os.truncate(backing, 8 * MIB)
            for length in (4096, MIB, 8 * MIB):
                assert client.request(READ, 8 * MIB, length)[0] == EIO, length
            assert client.request(READ, 8 * MIB - 500000, MIB)[0] == EIO, 'half of it could be read'
            with server.connect() as other:  # it streams: the first half was sent before the error was known
                other.send(Wire.header(READ, 4 * MIB, 8 * MIB))
                assert other.reply()[0] == 0 and other.ends()
            assert client.request(READ, 8 * MIB + 1, 10)[0] == EIO
            for _ in range(30):
                assert client.request(READ, 0, MIB)[0] == 0
                assert client.request(READ, 12 * MIB, 4096)[0] == EIO
            assert client.request(WRITE, 0, 4096, bytes(4096))[0] == 0
            assert 'a read failed after a part of it was sent' in server.log()
            assert 'failed at' in server.log() and 'EIO' in server.log()
            assert 'suppressed' in server.log() or server.log().count('failed at') <= 35
    finally:
        run('losetup', '--detach', device)


def test_full_disk(directory):
    """The file system of a sparse file is full: writes fail with ENOSPC, reads and the server go on."""
    backing, mount = image(directory, 32 * MIB, 'file-system'), directory / 'mount'
    run('mkfs.ext4', '-q', '-m', '0', backing)
    mount.mkdir()
    run('mount', '-o', 'loop', backing, mount)
    try:
        path = mount / 'sparse'
        with open(path, 'wb') as file:
            file.truncate(200 * MIB)
        with Server(directory, path) as server, server.connect() as client:
            data, results = os.urandom(MIB), []
            for at in range(60):
                results.append(client.request(WRITE, at * MIB, MIB, data)[0])
            assert set(results) == {0, ENOSPC}, results
            for at, result in enumerate(results):
                error, found = client.request(READ, at * MIB, MIB)
                assert error == 0 and (result or found == data), at
            assert client.request(TRIM, 0, 60 * MIB)[0] == 0
            assert client.request(WRITE, 0, MIB, data)[0] == 0, 'there is room again'
            assert client.request(FLUSH, 0, 0)[0] == 0
    finally:
        run('umount', mount)


def test_sigterm(directory):
    """What was begun is finished and synced; an idle, a half and a silent client do not delay the end."""
    path = image(directory, 64 * MIB)
    with Server(directory, path) as server:
        idle, half, busy = server.connect(), server.connect(), server.connect()
        half.send(Wire.header(WRITE, 0, 4096) + b'x' * 100)
        data = os.urandom(MIB)
        for cookie in range(16):
            busy.send(Wire.header(WRITE, cookie * MIB, MIB, cookie) + data)
        first = busy.reply()
        server.process.send_signal(signal.SIGTERM)
        answered = [first[1]]
        try:
            while True:
                error, cookie = busy.reply()
                assert error == 0
                answered.append(cookie)
        except EOFError:
            pass
        assert server.process.wait(120) == 0, server.log()
        assert 'everything that was written is on stable storage' in server.log()
        assert not Path(server.socket).exists()
        content = path.read_bytes()
        for cookie in answered:
            assert content[cookie * MIB:(cookie + 1) * MIB] == data
        for client in (idle, half, busy):
            client.socket.close()
        return f'{len(answered)} of 16 were answered'


def test_second_sigterm(directory):
    """A client does not take its replies: the first signal waits for it, the second does not."""
    with Server(directory, image(directory, 64 * MIB)) as server, server.connect() as client:
        for cookie in range(32):
            client.send(Wire.header(READ, 0, MIB, cookie))
        # The first reply has begun. It does not fit into the socket.
        assert client.socket.recv(1, socket.MSG_PEEK)
        server.process.send_signal(signal.SIGTERM)
        wait_for('the first signal', lambda: 'ending' in server.log())
        time.sleep(0.2)
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(120) == 128 + signal.SIGTERM


def test_kill_server_after_flush(directory):
    """kill -9 of the server at random moments: what was flushed before is there, and what was written since is there
    or not, block by block.

    The kernel and the disk stay up. So this shows that the server has passed on to the kernel what it has
    acknowledged. It does not show that the data survives a power failure: for that, see the fdsync of each flush."""
    count, rng, size, block = 100 if LONG else 8, random.Random(5), 8 * MIB, 4096
    path = image(directory, size)
    flushed = {at: bytes(block) for at in range(0, size, block)}
    server = Server(directory, path)
    acknowledged = 0
    for turn in range(count):
        if turn:
            server.start()
        client, since, in_flight, cookie = server.connect(), {}, {}, 0
        deadline = time.monotonic() + rng.random() * 0.3
        # Writes, 16 deep, of distinct blocks; now and then a flush when all of them were acknowledged.
        while time.monotonic() < deadline:
            order = rng.sample(sorted(flushed), 64)
            for at in order:
                data = rng.randbytes(16) * (block // 16)
                cookie += 1
                in_flight[cookie] = at
                since.setdefault(at, []).append(data)
                client.send(Wire.header(WRITE, at, block, cookie, rng.randrange(10) == 0) + data)
                if len(in_flight) >= 16:
                    error, done = client.reply()
                    assert error == 0
                    del in_flight[done]
            if rng.random() < 0.7:
                while in_flight:
                    del in_flight[client.reply()[1]]
                assert client.request(FLUSH, 0, 0)[0] == 0
                acknowledged += len(since)
                flushed.update((at, written[-1]) for at, written in since.items())
                since = {}
        server.kill()
        client.socket.close()
        content = path.read_bytes()
        for at, expected in flushed.items():
            found = content[at:at + block]
            assert found == expected or found in since.get(at, []), f'turn {turn}, block {at}'
            flushed[at] = found
    server.start()
    with server:
        pass
    return f'{count} times, {acknowledged} blocks were flushed'


def test_out_of_descriptors(directory):
    """No descriptor is left for a client: it waits, the others are served, and it is accepted when one leaves."""
    with Server(directory, image(directory, MIB)) as server:
        limit = server.descriptors() + 2
        run('prlimit', '--pid', server.process.pid, f'--nofile={limit}:{limit}')
        clients = [server.connect() for _ in range(2)]
        waiting = server.connect(negotiate=False)
        wait_for('the failure is logged', lambda: '(os error 24)' in server.log())
        assert clients[0].request(READ, 0, MIB)[0] == 0
        clients.pop().socket.close()
        assert waiting.receive(18)
        for client in (waiting, *clients):
            client.socket.close()


def test_statistics(directory):
    """SIGUSR1 prints what was done."""
    with Server(directory, image(directory, 16 * MIB)) as server, server.connect() as client:
        for at in range(100):
            client.request(WRITE, at * 4096, 4096, bytes(4096))
            client.request(READ, at * 4096, 4096)
        client.request(READ, 1 << 40, 4096)
        report = server.report()
        for line in (r'^ +read +101 +1 +0 ', r'^ +write +100 +0 +0 '):
            assert re.search(line, report, re.M), report


def test_wrong_arguments(directory):
    """Each is reported in a line, with a status."""
    path = image(directory, MIB)
    (directory / 'small').write_bytes(b'x' * 1000)
    (directory / 'short').write_bytes(b'x' * 10000)
    cases = [([], 2, 'missing'), ([path, '--depth', '0'], 2, '1 to 512'), ([path, '--depth', 'x'], 2, 'invalid digit'),
             ([path, '--what'], 2, '--what'), ([path, '--socket', 'a', '--listen', '127.0.0.1:1'], 2, 'exclude'),
             ([path, '--listen', 'nowhere'], 2, 'invalid socket address'), ([path, path], 2, 'unexpected'),
             ([directory / 'none'], 1, 'No such file'), ([directory], 1, 'neither a regular file nor'),
             ([path, '--socket', '/no/where'], 1, 'cannot listen')]
    for arguments, status, words in cases:
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == status and words in done.stderr, (arguments, done)
    assert 'usage' in subprocess.run([PROGRAM, '--help'], capture_output=True, text=True).stdout
    with Server(directory, path) as server:
        second = subprocess.run(server.command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1 and 'locked' in second.stderr, second
    with Server(directory, directory / 'short') as server, server.connect() as client:
        assert client.size % 512 == 0 and 10000 - client.size < 4096
        assert 'are not exported' in server.log()


def test_tcp(directory):
    """The loopback interface."""
    path = image(directory, 16 * MIB)
    with socket.create_server(('127.0.0.1', 0)) as free:
        address = f'127.0.0.1:{free.getsockname()[1]}'
    process = subprocess.Popen([PROGRAM, path, '--listen', address], stderr=subprocess.PIPE, text=True)
    try:
        assert 'exporting' in process.stderr.readline()
        run('qemu-io', '-f', 'raw', '-c', 'write -P 3 0 1M', '-c', 'read -P 3 0 1M', f'nbd://{address}')
        run('nbdcopy', f'nbd://{address}', directory / 'back')
        assert (directory / 'back').read_bytes()[:MIB] == b'\3' * MIB
    finally:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=120)[1]
    assert process.returncode == 0 and '127.0.0.1:' in said, said
