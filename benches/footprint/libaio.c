/* `block FILE`: reads the first 4096 bytes of a file by asynchronous I/O, and writes them to standard
 * output. It uses libaio. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <unistd.h>

static int fail(const char *what, size_t length) {
    return write(2, what, length) < 0 ? 2 : 1;
}
#define FAIL(what) return fail("block: cannot " what "\n", sizeof "block: cannot " what)

int main(int count, char **arguments) {
    static char block[4096] __attribute__((aligned(4096)));
    if (count != 2)
        FAIL("read nothing: FILE is missing");
    int file = open(arguments[1], O_RDONLY | O_DIRECT);
    if (file < 0)
        FAIL("open the file");
    io_context_t context = NULL;
    if (io_setup(1, &context))
        FAIL("set up AIO");
    struct iocb iocb, *pointer = &iocb;
    struct io_event event;
    io_prep_pread(&iocb, file, block, sizeof block, 0);
    if (io_submit(context, 1, &pointer) != 1)
        FAIL("submit");
    int got;
    while ((got = io_getevents(context, 1, 1, &event, NULL)) == -EINTR)
        ;
    if (got != 1 || (long)event.res < 0)
        FAIL("read");
    if (write(1, block, event.res) != (ssize_t)event.res)
        FAIL("write");
    return 0;
}
