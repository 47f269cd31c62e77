"""fio verifies what it writes, while other clients come, misbehave, vanish, and are killed. Nothing may leak."""
import os, random, re, subprocess, time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from clients import MIB, image, run
from server import (DISC, FLUSH, LONG, READ, TRIM, WRITE, ZEROES, Server, Wire, aio_contexts, wait_for)

# The first 800 MiB are fio's. Then comes what clients that vanish write and free, and what clients leave for the next.
SCRATCH, LEFT = 800 * MIB, 864 * MIB
SIZE, CONNECTIONS, DEPTH = 872 * MIB, 32, 64


@contextmanager
def fio(server, directory, jobs, seconds):
    """Starts fio: sizes from 512 bytes to 512 KiB, and all that is written is read again and compared."""
    with subprocess.Popen(
        ['fio', '--name=verify', '--ioengine=nbd', f'--uri={server.uri}', '--rw=randrw', '--bsrange=512-512k',
         '--iodepth=16', f'--numjobs={jobs}', '--size=200m', '--offset_increment=200m', '--verify=crc32c',
         '--verify_backlog=256', '--verify_fatal=1', '--verify_state_save=0', '--time_based', f'--runtime={seconds}',
         '--group_reporting', '--fsync=100'],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=directory) as job:
        try:
            yield job
        finally:
            job.kill()


def finish(job):
    said = job.communicate(timeout=3600)[0]
    assert job.returncode == 0 and 'err= 0' in said, said
    return re.findall(r'IOPS=([\d.]+k?)', said)


def test_fio_notices_wrong_data(directory):
    """Another client overwrites what fio wrote: fio, as it is used here, must fail."""
    with Server(directory, image(directory, 200 * MIB)) as server, server.connect() as client, \
            fio(server, directory, 1, 600) as job:
        while job.poll() is None:
            for at in range(0, 200 * MIB, 2 * MIB):
                assert client.request(WRITE, at, MIB, bytes(MIB))[0] == 0
        said = job.communicate()[0]
        assert job.returncode != 0 and 'verify: bad' in said, said


def vanish(server, rng):
    """Sends up to 20 requests and takes no reply. The last may be a part of one."""
    client = server.connect()
    client.socket.setblocking(False)
    for _ in range(rng.randrange(20)):
        command, length = rng.choice([READ, WRITE, ZEROES, TRIM, FLUSH]), rng.choice([100, 4096, 50000, 300000])
        header = Wire.header(command, rng.randrange(SCRATCH, LEFT - length), length, flags=rng.randrange(2))
        message = header + (bytes(length) if command == WRITE else b'')
        part = message if rng.random() < 0.9 else message[:rng.randrange(len(message))]
        try:
            # Nothing follows a part of a message: it would be taken for the rest.
            if client.socket.send(part) < len(message):
                break
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            break
    return client


def babble(server, rng):
    """Sends garbage, in the handshake or after it, or a half message, or nothing."""
    client = server.connect(negotiate=rng.random() < 0.5)
    begin = rng.choice([b'', b'\0\0', b'\0\0\0\3IHAVEOPT\0\0\0\7\0\0\0\x10', Wire.header(READ, 0, 512)[:27],
                        Wire.header(WRITE, SCRATCH, 4096) + bytes(4000), b'\0\0\0\3' + b'IHAVEOPT' * 2])
    try:
        client.send(begin + (rng.randbytes(rng.choice([1, 28, 5000, 100000])) if rng.random() < 0.5 else b''))
    except (BrokenPipeError, ConnectionResetError):
        pass
    return client


def kill_a_client(server, rng):
    """kill -9 of nbdcopy, which reads all, or of qemu-img, which writes SCRATCH only: its count is limited.

    They are killed at a random moment after they have begun to connect."""
    command = rng.choice([['nbdcopy', '--connections=4', '--requests=64', server.uri, 'null:'],
                          ['qemu-img', 'bench', '-w', '-o', SCRATCH, '-c', 16384, '-s', 4096, '-d', 32, '-f', 'raw',
                           server.uri]])
    client = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for('the client connects', lambda: client.poll() is not None or has_socket(client.pid))
    time.sleep(rng.random() * 0.3)
    client.kill()
    client.wait()


def has_socket(pid):
    for link in Path(f'/proc/{pid}/fd').glob('*'):
        try:
            if os.readlink(link).startswith('socket:'):
                return True
        except OSError:  # it was closed
            pass
    return False


def reconnect(server, rng, left):
    """Finds what a client has left there, and leaves something for the next."""
    length = 65536
    at = rng.randrange(LEFT, SIZE, length)
    with server.connect() as client:
        assert client.request(READ, at, length) == (0, left.get(at, bytes(length))), at
        left[at] = rng.randbytes(length)
        assert client.request(WRITE, at, length, left[at])[0] == 0
        if rng.random() < 0.3:
            assert client.request(FLUSH, 0, 0)[0] == 0
        if rng.random() < 0.5:
            client.send(Wire.header(DISC, 0, 0))
            assert client.ends()


def take_all_blocks(server):
    """As many clients as there can be ask for much, and take nothing: from here on, memory cannot grow."""
    clients = [server.connect() for _ in range(CONNECTIONS)]
    for client in clients:
        client.send(b''.join(Wire.header(READ, 0, (4096, 32768, 131072)[at % 3], at) for at in range(DEPTH)))
    wait_for('blocks are in use', lambda: int(re.search(r'blocks in use (\d+)', server.report())[1]) >= 4 * CONNECTIONS)
    for client in clients:
        client.socket.close()


def use_all_slots(server):
    """As many clients as there can be, each with as many requests as are in progress for one: all are answered."""
    clients = [server.connect() for _ in range(CONNECTIONS)]
    for client in clients:
        client.send(b''.join(Wire.header(READ, SCRATCH + cookie * 512, 512, cookie) for cookie in range(DEPTH)))
    for client in clients:
        cookies = set()
        for _ in range(DEPTH):
            error, cookie = client.reply()
            assert error == 0 and len(client.receive(512)) == 512
            cookies.add(cookie)
        assert cookies == set(range(DEPTH))
        client.socket.close()


def test_fio_while_clients_vanish(directory):
    """Four jobs of fio. At the same time, clients are gone before the replies, send halves and garbage, are killed, and
    come back. No mismatch; and at the end no descriptor, block, slot or memory is missing."""
    seconds, count, rng = 600 if LONG else 15, 1000 if LONG else 100, random.Random(4)
    kinds = {kind: 0 for kind in (vanish, babble, kill_a_client, reconnect)}
    path = image(directory, SIZE)
    with Server(directory, path, '--connections', str(CONNECTIONS), '--depth', str(DEPTH)) as server, \
            ExitStack() as stack:
        descriptors = server.descriptors()

        def settle():
            wait_for('all descriptors are closed', lambda: server.descriptors() == descriptors)
            wait_for('all blocks are free', lambda: 'blocks in use 0\n' in server.report())
            assert aio_contexts(server.process.pid) == 1
            return server.resident()

        take_all_blocks(server)
        resident, started, clients, left = settle(), time.monotonic(), [], {}
        jobs, results = [stack.enter_context(fio(server, directory, 4, seconds))], []
        for turn in range(count):
            # The turns are spread over the time of fio. If they take longer than that, fio begins again.
            time.sleep(max(0, started + turn * seconds * 0.95 / count - time.monotonic()))
            if jobs[-1].poll() is not None:
                results.append(finish(jobs[-1]))
                jobs.append(stack.enter_context(fio(server, directory, 4, 10)))
            kind = rng.choices(list(kinds), [50, 20, 10, 20])[0]
            kinds[kind] += 1
            if kind is kill_a_client:
                kill_a_client(server, rng)
            elif kind is reconnect:
                reconnect(server, rng, left)
            else:
                clients.append(kind(server, rng))
            if len(clients) > 10 or clients and rng.random() < 0.3:
                clients.pop(rng.randrange(len(clients))).socket.close()
        for client in clients:
            client.socket.close()
        results.append(finish(jobs[-1]))
        took = time.monotonic() - started
        after = settle()
        assert after <= resident + 1024, f'{resident} KiB before, {after} KiB after'
        use_all_slots(server)
        settle()
        report = server.report()
        assert not re.search(r'panicked|EIO|ENOSPC', server.log()), server.log()
    with open(path, 'rb') as file:
        for at, data in left.items():
            file.seek(at)
            assert file.read(len(data)) == data, at
    accepted, ended = re.search(r'connections (\d+), ended by the server (\d+)', report).groups()
    did = ', '.join(f'{kind.__name__.replace("_", " ")} {number}' for kind, number in kinds.items())
    return (f'{took:.0f} s, {results[0][0]} reads and {results[0][1]} writes a second; {did}; connections {accepted}, '
            f'ended by the server {ended}; resident {resident} KiB before, {after} KiB after')
