"""What clients of others do: every byte that comes back is compared."""
import os, random, re, subprocess
from pathlib import Path

import nbd
from server import LONG, Server

MIB = 1 << 20


def run(*command, timeout=900):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout)
    assert done.returncode == 0, f'{command}: {done.stdout}'
    return done.stdout


def image(directory, size, name='image'):
    """Makes a file that reads as zeros, all of it allocated."""
    path = directory / name
    run('fallocate', '-l', size, path)
    return path


def random_file(directory, size, name):
    path = directory / name
    path.write_bytes(os.urandom(size))
    return path


def test_qemu_img(directory):
    """convert in both directions, compare, and bench."""
    source = random_file(directory, 60 * MIB, 'source')
    with open(source, 'r+b') as file:  # data, holes, data
        file.truncate(100 * MIB)
        file.seek(99 * MIB)
        file.write(b'end')
    with Server(directory, image(directory, 100 * MIB)) as server:
        run('qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', source, server.uri)
        run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', source, server.uri)
        run('qemu-img', 'convert', '-W', '-m', '16', '-f', 'raw', '-O', 'raw', server.uri, directory / 'back')
        run('cmp', source, directory / 'back')
        for options in (['-d', '64', '-s', '4096'], ['-w', '-d', '16', '-s', '65536', '--flush-interval', '16']):
            run('qemu-img', 'bench', '-f', 'raw', '-c', '2000', *options, server.uri)


def test_qemu_io(directory):
    """Patterns, FUA, discard, zeros with and without holes, and unaligned requests."""
    commands = ['write -P 0x5a 0 4M', 'write -f -P 0x11 1000 3000', 'read -P 0x5a 0 1000', 'read -P 0x11 1000 3000',
                'read -P 0x5a 4000 100k', 'write -z 1M 1M', 'read -P 0 1M 1M', 'write -z -u 2M 1M', 'read -P 0 2M 1M',
                'write -z 3145829 100000', 'read -P 0 3145829 100000', 'read -P 0x5a 3145728 101',
                'read -P 0x5a 3245829 1000', 'discard 0 1M', 'flush', 'write -P 0x77 15M 1M', 'read -P 0x77 15M 1M',
                'aio_write -P 1 8M 1M', 'aio_write -P 2 9M 1M', 'aio_flush', 'read -P 1 8M 1M', 'read -P 2 9M 1M']
    with Server(directory, image(directory, 16 * MIB)) as server:
        said = run('qemu-io', '-f', 'raw', *(part for command in commands for part in ('-c', command)), server.uri)
        assert 'failed' not in said and 'error' not in said.lower(), said
        assert len(re.findall(r'\d+/\d+ bytes', said)) == len(commands) - 2, said


def test_nbdinfo(directory):
    """Sizes, abilities, and the list of exports."""
    with Server(directory, image(directory, 16 * MIB), '--export', 'disk', '--read-only') as server:
        uri = server.uri.replace('///', '///disk')
        for said in (run('nbdinfo', '--json', uri), run('nbdinfo', '--json', '--list', uri)):
            for wanted in ('"export-name": "disk"', f'"export-size": {16 * MIB}', '"is_read_only": true',
                           '"can_multi_conn": true', '"can_trim": false', '"block_preferred": 4096',
                           f'"block_maximum": {32 * MIB}'):
                assert wanted in said.replace('block_size_', 'block_'), (wanted, said)
        assert run('nbdinfo', '--size', server.uri).strip() == str(16 * MIB), 'the empty name is the default export'
        assert subprocess.run(['nbdinfo', server.uri.replace('///', '///other')], capture_output=True).returncode != 0


def test_nbdcopy(directory):
    """Four connections, 64 requests deep, both directions."""
    source = random_file(directory, 100 * MIB, 'source')
    for size in ('262144', '33554432'):
        with Server(directory, image(directory, 100 * MIB)) as server:
            options = ['--connections=4', '--requests=64', f'--request-size={size}', '--flush']
            run('nbdcopy', *options, source, server.uri)
            run('nbdcopy', *options, server.uri, directory / 'back')
            run('cmp', source, directory / 'back')


def test_python_model(directory):
    """Random requests of every kind, aligned or not, by two connections, against a model."""
    size, rng = 4 * MIB, random.Random(1)
    model = bytearray(size)
    path = image(directory, size)
    with Server(directory, path) as server:
        handles = []
        for _ in range(2):
            handle = nbd.NBD()
            handle.set_strict_mode(0)
            handle.connect_uri(server.uri)
            handles.append(handle)
        assert all(handle.can_multi_conn() for handle in handles)
        for _ in range(4000 if LONG else 1500):
            handle = rng.choice(handles)
            length = rng.choice([1, 17, 511, 512, 513, 4096, 5000, 40000, 131072, 200000, 300001, 700000])
            offset = rng.randrange(size - length + 1) // (grain := rng.choice([1, 1, 512, 4096])) * grain
            flags = nbd.CMD_FLAG_FUA if rng.random() < 0.1 else 0
            match rng.randrange(6):
                case 0 | 1:
                    data = rng.randbytes(length)
                    handle.pwrite(data, offset, flags)
                    model[offset:offset + length] = data
                case 2 | 3:
                    assert handle.pread(length, offset) == model[offset:offset + length], (offset, length)
                case 4:
                    handle.zero(length, offset, flags | (nbd.CMD_FLAG_NO_HOLE if rng.random() < 0.5 else 0))
                    model[offset:offset + length] = bytes(length)
                case _:
                    handle.flush()
                    handle.cache(length, offset)
        # Many at a time, unaligned, without overlap: neighbours share sectors.
        data = rng.randbytes(size)
        pieces, at = [], 0
        while at < size:
            pieces.append((at, min(size, at + rng.choice([100, 300, 512, 700, 5000]))))
            at = pieces[-1][1]
        rng.shuffle(pieces)
        cookies = {handle: [] for handle in handles}
        for index, (start, end) in enumerate(pieces):
            handle = handles[index % 2]
            while handle.aio_in_flight() > 40:
                handle.poll(-1)
            buffer = nbd.Buffer.from_bytearray(bytearray(data[start:end]))
            cookies[handle].append(handle.aio_pwrite(buffer, start))
        for handle in handles:
            while handle.aio_in_flight():
                handle.poll(-1)
            assert all(handle.aio_command_completed(cookie) for cookie in cookies[handle])
        for start in range(0, size, MIB):
            assert handles[0].pread(MIB, start) == data[start:start + MIB]
        for handle in handles:
            handle.shutdown()
        unaligned = re.search(r'unaligned writes (\d+)', server.report())
        assert int(unaligned[1]) > 1000, server.log()
    assert path.read_bytes() == data


def test_stress_in_parallel(directory):
    """Six programs at the same time, on ranges of their own."""
    with Server(directory, image(directory, 600 * MIB)) as server:
        jobs = [subprocess.Popen(
            ['fio', f'--name=job{index}', '--ioengine=nbd', f'--uri={server.uri}', '--rw=randwrite', f'--bs={size}',
             '--iodepth=32', f'--offset={index * 100}m', '--size=20m', '--verify=crc32c', '--verify_fatal=1',
             '--do_verify=1', '--verify_state_save=0'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for index, size in enumerate(['512', '4k', '12k', '64k', '1m', '4m'])]
        for job in jobs:
            said = job.communicate(timeout=600)[0]
            assert job.returncode == 0 and 'err= 0' in said, said
