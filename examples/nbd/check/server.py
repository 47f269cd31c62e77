"""Starts the server, and talks to it: by libnbd, or by hand where a client must misbehave."""
import os, signal, socket, struct, subprocess, time
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get('NBD', PACKAGE / 'target/release/nbd')
LONG = os.environ.get('NBD_LONG') == '1'


def wait_for(what, condition, seconds=120):
    """Waits until a condition holds. The limit is for a busy machine."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f'{what}: not within {seconds} s'
        time.sleep(0.01)


def aio_nr():
    return int(Path('/proc/sys/fs/aio-nr').read_text())


def aio_contexts(pid):
    """Returns how many AIO contexts a process has: the kernel maps the ring of each."""
    return Path(f'/proc/{pid}/maps').read_text().count('/[aio]')


def aio_users():
    """Returns the names of the processes that have an AIO context."""
    names = []
    for process in Path('/proc').glob('[0-9]*'):
        try:
            if aio_contexts(process.name):
                names.append((process / 'comm').read_text().strip())
        except OSError:  # it has ended
            pass
    return names


class Server:
    """A server for one test. It ends with the `with` block, and must end well."""

    def __init__(self, directory, image, *options):
        self.socket = f'{directory}/socket'
        self.log_path = f'{directory}/log'
        self.uri = f'nbd+unix:///?socket={self.socket}'
        self.command = [str(PROGRAM), str(image), '--socket', self.socket, '--stats', *options]
        self.start()

    def start(self):
        self.log_file = open(self.log_path, 'a')
        before = self.log().count('exporting')
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=self.log_file)
        # It says so when it listens; a socket may be there from a server that was killed.
        wait_for('the server listens', lambda: self.log().count('exporting') > before
                 or self.process.poll() is not None)
        assert self.process.poll() is None, self.log()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(self.log())
        self.log_file.close()
        if self.process.poll() is None and not kind:
            self.terminate()
        elif self.process.poll() is None:
            self.kill()

    def log(self):
        return Path(self.log_path).read_text()

    def terminate(self):
        """Ends the server in an orderly way."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(120) == 0, self.log()
        assert 'blocks in use 0' in self.log().rsplit('statistics', 1)[1], self.log()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def report(self):
        """Returns the statistics, after SIGUSR1."""
        before = self.log().count('kernel: submitted')
        self.process.send_signal(signal.SIGUSR1)
        wait_for('a report', lambda: self.log().count('kernel: submitted') > before)
        return self.log().rsplit('statistics', 1)[1]

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def resident(self):
        """Returns the resident memory, in KiB."""
        status = Path(f'/proc/{self.process.pid}/status').read_text()
        return int(status.split('VmRSS:')[1].split()[0])

    def connect(self, **options):
        return Wire(self.socket, **options)


READ, WRITE, DISC, FLUSH, TRIM, CACHE, ZEROES = range(7)
EPERM, EIO, EINVAL, ENOSPC = 1, 5, 22, 28


class Wire:
    """A client that sends bytes."""

    def __init__(self, path, negotiate=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        self.socket.connect(path)
        if negotiate:
            self.negotiate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def negotiate(self):
        assert self.receive(18) == b'NBDMAGICIHAVEOPT\0\3'
        self.send(struct.pack('>I', 3))
        self.send(self.option(1, b''))
        self.size, self.flags = struct.unpack('>QH', self.receive(10))

    @staticmethod
    def option(number, data):
        return struct.pack('>8sII', b'IHAVEOPT', number, len(data)) + data

    def ask(self, number, data=b''):
        """Sends an option. Returns the kinds and the data of the replies, up to the last."""
        self.send(self.option(number, data))
        replies = []
        while not replies or replies[-1][0] in (2, 3):
            magic, option, kind, length = struct.unpack('>QIII', self.receive(20))
            assert (magic, option) == (0x3e889045565a9, number)
            replies.append((kind, self.receive(length)))
        return replies

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, length):
        data, at = bytearray(length), 0
        while at < length:
            got = self.socket.recv_into(memoryview(data)[at:])
            if not got:
                raise EOFError
            at += got
        return bytes(data)

    @staticmethod
    def header(command, offset, length, cookie=7, flags=0):
        return struct.pack('>IHHQQI', 0x25609513, flags, command, cookie, offset, length)

    def reply(self):
        """Returns the error and the cookie of a reply."""
        magic, error, cookie = struct.unpack('>IIQ', self.receive(16))
        assert magic == 0x67446698, hex(magic)
        return error, cookie

    def request(self, command, offset, length, payload=b'', flags=0):
        """Makes a request. Returns the error, and the data of a read."""
        self.send(self.header(command, offset, length, 7, flags) + payload)
        error, cookie = self.reply()
        assert cookie == 7
        return error, self.receive(length) if command == READ and not error else b''

    def ends(self):
        """Waits until the server has closed the connection."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True
