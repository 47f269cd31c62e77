"""Clients by hand: what the protocol says about requests and options that libraries do not send."""
import os, random, socket, struct, time

from clients import MIB, image
from server import (CACHE, DISC, EINVAL, ENOSPC, EPERM, FLUSH, READ, TRIM, WRITE, ZEROES, Server, Wire, wait_for)

ACK, SERVER, INFO = 1, 2, 3
UNSUPPORTED, INVALID, UNKNOWN, TOO_BIG = (1 << 31 | number for number in (1, 3, 6, 9))


def handshake(server, flags=3):
    client = server.connect(negotiate=False)
    assert client.receive(18) == b'NBDMAGICIHAVEOPT\0\3'
    client.send(struct.pack('>I', flags))
    return client


def wanted(name, *infos):
    return struct.pack(f'>I{len(name)}sH{len(infos)}H', len(name), name, len(infos), *infos)


def test_options(directory):
    """Each option, also malformed, unknown and too long ones, on one connection."""
    with Server(directory, image(directory, MIB), '--export', 'disk') as server:
        with handshake(server) as client:
            for option in (5, 8, 9, 10, 11, 0x12345):  # TLS, structured replies, meta contexts, extended headers
                assert client.ask(option) == [(UNSUPPORTED, b'')], option
            assert client.ask(3) == [(SERVER, b'\0\0\0\4disk'), (ACK, b'')]
            assert client.ask(3, b'x') == [(INVALID, b'')]
            for data in (b'', b'\0', wanted(b'disk')[:-1], wanted(b'disk') + b'x', b'\xff' * 8,
                         wanted(b'disk', 1)[:-2]):
                assert client.ask(6, data) == [(INVALID, b'')], data
                assert client.ask(7, data) == [(INVALID, b'')], data
            assert client.ask(7, wanted(b'nothing')) == [(UNKNOWN, b'')]
            for length in (8193, 100000):
                assert client.ask(6, b'x' * length) == [(TOO_BIG, b'')]
            informed = client.ask(6, wanted(b'disk', 1, 3))
            assert [kind for kind, _ in informed] == [INFO, INFO, INFO, ACK]
            kinds = {struct.unpack('>H', data[:2])[0]: data[2:] for _, data in informed[:-1]}
            assert struct.unpack('>Q', kinds[0][:8])[0] == MIB and kinds[1] == b'disk'
            assert struct.unpack('>III', kinds[3])[1:] == (4096, 32 * MIB)
            assert client.ask(7, wanted(b''))[-1] == (ACK, b'')
            assert client.request(READ, 0, 512) == (0, bytes(512))
        with handshake(server) as client:
            assert client.ask(2) == [(ACK, b'')] and client.ends()
        with handshake(server, flags=1) as client:  # without NO_ZEROES
            client.send(client.option(1, b'disk'))
            client.receive(10 + 124)
            assert client.request(FLUSH, 0, 0)[0] == 0
        with handshake(server) as client:
            client.send(client.option(1, b'other'))
            assert client.ends()
        with handshake(server, flags=1 << 7) as client:
            assert client.ends()


def test_requests_at_the_edges(directory):
    """Lengths of 0, of 32 MiB and more, beyond the end; unknown commands and flags. The client goes on."""
    size = 64 * MIB
    with Server(directory, image(directory, size)) as server, server.connect() as client:
        assert client.size == size
        for command in (READ, WRITE, TRIM, CACHE, ZEROES):
            assert client.request(command, 512, 0)[0] == 0, 'no bytes'
            assert client.request(command, size, 0)[0] == 0, 'no bytes, at the end'
        data = os.urandom(32 * MIB)
        assert client.request(WRITE, 32 * MIB, 32 * MIB, data)[0] == 0
        assert client.request(READ, 32 * MIB, 32 * MIB) == (0, data)
        assert client.request(READ, 32 * MIB + 1, 32 * MIB - 1) == (0, data[1:])
        assert client.request(READ, 0, 32 * MIB + 1)[0] == EINVAL
        assert client.request(WRITE, 0, 32 * MIB + 1, bytes(32 * MIB + 1))[0] == EINVAL
        assert client.request(READ, size - 511, 512)[0] == EINVAL
        assert client.request(WRITE, size - 511, 512, bytes(512))[0] == ENOSPC
        assert client.request(ZEROES, size - 511, 512)[0] == ENOSPC
        assert client.request(TRIM, size - 511, 512)[0] == EINVAL
        assert client.request(CACHE, size - 511, 512)[0] == EINVAL
        for offset in (1 << 63, 2**64 - 1, 2**64 - 512):
            assert client.request(READ, offset, 512)[0] == EINVAL
            assert client.request(WRITE, offset, 512, bytes(512))[0] == ENOSPC
        assert client.request(READ, 0, 2**32 - 1)[0] == EINVAL
        for command in (7, 8, 0x7fff, 0xffff):
            assert client.request(command, 0, 512)[0] == EINVAL
        assert client.request(READ, 0, 512, flags=1 << 2)[0] == EINVAL
        assert client.request(WRITE, 0, 512, bytes(512), flags=1 << 1)[0] == EINVAL
        assert client.request(FLUSH, 5, 5)[0] == 0
        assert client.request(ZEROES, 0, size)[0] == 0
        assert client.request(READ, 32 * MIB, 32 * MIB) == (0, bytes(32 * MIB))
        client.send(client.header(DISC, 0, 0))
        assert client.ends()


def test_read_only(directory):
    path = image(directory, MIB)
    path.write_bytes(b'x' * MIB)
    with Server(directory, path, '--read-only') as server, server.connect() as client:
        for command, payload in ((WRITE, bytes(4096)), (TRIM, b''), (ZEROES, b'')):
            assert client.request(command, 0, 4096, payload)[0] == EPERM
        assert client.request(FLUSH, 0, 0)[0] == 0
        assert client.request(READ, 0, 4096) == (0, b'x' * 4096)
    assert path.read_bytes() == b'x' * MIB


def test_garbage(directory):
    """Random bytes, in the handshake and after it. The connection ends; the server and the file are unharmed."""
    rng, path = random.Random(2), image(directory, MIB)
    neighbour = directory / 'neighbour'
    content = os.urandom(MIB)
    path.write_bytes(content)
    neighbour.write_bytes(content)
    with Server(directory, path, '--timeout', '3', '--read-only') as server, server.connect() as witness:
        before = server.descriptors()
        for turn in range(60):
            with server.connect(negotiate=False) as client:
                try:
                    if turn % 2 == 0:
                        client.negotiate()
                    else:
                        client.receive(18)
                        client.send(b'\0\0\0\3' + b'IHAVEOPT' * (turn % 3))
                    client.send(rng.randbytes(rng.choice([1, 27, 28, 100, 5000, 100000])))
                except (BrokenPipeError, ConnectionResetError, EOFError):
                    pass  # on a busy machine, the timeout can end the handshake
                if turn % 20 == 0:
                    assert client.ends()
        wait_for('all descriptors are closed', lambda: server.descriptors() == before)
        assert witness.request(READ, 0, MIB) == (0, content)
    assert path.read_bytes() == content and neighbour.read_bytes() == content


def test_half_messages_time_out(directory):
    """Nothing, half a handshake, half an option, half a header, half of the data: each ends after the timeout."""
    with Server(directory, image(directory, MIB), '--timeout', '3') as server, server.connect() as idle:
        started = time.monotonic()
        clients = [server.connect(negotiate=False) for _ in range(3)] + [server.connect() for _ in range(3)]
        for client, data in zip(clients, (b'', b'\0\0', b'\0\0\0\3IHAVEOPT\0\0\0\7\0\0\0\x10', b'\x25',
                                          Wire.header(READ, 0, 512)[:27], Wire.header(WRITE, 0, 4096) + bytes(4000))):
            client.send(data)
        assert all(client.ends() for client in clients)
        assert time.monotonic() - started >= 2.9, 'not before'
        # A client that has sent nothing is no reason to end a connection.
        assert idle.request(READ, 0, 512)[0] == 0
        assert server.log().count('did not send in time') == 6, server.log()
        assert f'ended by the server {6}' in server.report()


def test_slow_client(directory):
    """A client that never takes its replies does not keep others from working, nor make the server grow."""
    with Server(directory, image(directory, 64 * MIB)) as server:
        silent = [server.connect() for _ in range(8)]
        for number, client in enumerate(silent):
            client.socket.setblocking(False)
            length = (4096, 65536, 262144, 8 * MIB)[number % 4]
            requests = b''.join(Wire.header(READ, at % 64 * 512, length, at) for at in range(3000))
            try:
                while requests:
                    requests = requests[client.socket.send(requests):]
            except BlockingIOError:
                pass
        time.sleep(0.5)
        with server.connect() as client:
            data = os.urandom(MIB)
            for turn in range(50):
                assert client.request(WRITE, turn * MIB, MIB, data)[0] == 0
                assert client.request(READ, turn * MIB, MIB) == (0, data)
                assert client.request(READ, turn * MIB, 4096) == (0, data[:4096])
        resident = server.resident()
        assert resident < 24 * 1024, f'{resident} KiB'
        # The silent clients still get what they asked for.
        silent[0].socket.settimeout(120)
        for at in range(100):
            assert silent[0].reply() == (0, at)
            silent[0].receive(4096)
        for client in silent:
            client.socket.close()
        return f'{resident} KiB resident'


def test_connections_wait_in_line(directory):
    """With two slots, the third client is served when one of the others leaves."""
    with Server(directory, image(directory, MIB), '--connections', '2', '--depth', '1') as server:
        first, second = server.connect(), server.connect()
        third = server.connect(negotiate=False)
        third.socket.settimeout(0.3)
        try:
            third.receive(1)
            raise AssertionError('it was served')
        except socket.timeout:
            third.socket.settimeout(120)
        first.socket.close()
        assert third.receive(18)
        assert second.request(READ, 0, MIB)[0] == 0
        third.socket.close()
        second.socket.close()


def test_pipelines(directory):
    """A thousand requests are sent before a reply is read: all are answered, each once, with its data."""
    path = image(directory, 4 * MIB)
    content = os.urandom(4 * MIB)
    path.write_bytes(content)
    for depth in (1, 64):
        with Server(directory, path, '--depth', str(depth)) as server, server.connect() as client:
            rng = random.Random(3)
            asked = {}
            for cookie in range(1000):
                length = rng.choice([1, 512, 4096, 10000, 100000, 300000])
                asked[cookie] = (rng.randrange(4 * MIB - length), length)
            pid = os.fork()
            if pid == 0:
                for cookie, (offset, length) in asked.items():
                    client.send(Wire.header(READ, offset, length, cookie))
                os._exit(0)
            while asked:
                error, cookie = client.reply()
                offset, length = asked.pop(cookie)
                assert error == 0 and client.receive(length) == content[offset:offset + length]
            os.waitpid(pid, 0)


def test_overlapping_writes(directory):
    """A whole block and some bytes in it are written at the same time. Of the other bytes, none may be old."""
    with Server(directory, image(directory, MIB)) as server, server.connect() as client:
        for turn in range(400):
            whole, part = bytes([turn % 251 + 1]) * 8192, b'\xff' * 700
            requests = [Wire.header(WRITE, 0, 8192, 1) + whole, Wire.header(WRITE, 4000, 700, 2) + part,
                        Wire.header(WRITE, 8192, 4096, 3) + whole[:4096], Wire.header(WRITE, 8100, 200, 4) + part[:200]]
            random.Random(turn).shuffle(requests)
            client.send(b''.join(requests))
            assert sorted(client.reply() for _ in range(4)) == [(0, cookie) for cookie in range(1, 5)]
            error, found = client.request(READ, 0, 12288)
            outside = found[:4000] + found[4700:8100] + found[8300:]
            assert error == 0 and set(outside) == {whole[0]}, turn
            assert set(found[4000:4700] + found[8100:8300]) <= {whole[0], 0xff}, turn
