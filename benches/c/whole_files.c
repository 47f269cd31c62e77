/* Reads files whole, all at the same time, with libaio. */
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stddef.h>
#include <unistd.h>

/* Opens `count` files, reads each into its buffer in one request, and closes them. The file must have
 * exactly as many bytes as `sizes` says; a buffer has room for more. Returns 0 or an errno. */
static int read_all(io_context_t context, const char *const *paths, char *const *bufs,
                    const size_t *sizes, size_t room, struct iocb *iocbs, struct iocb **pointers,
                    struct io_event *events, int *files, size_t count) {
    for (size_t i = 0; i < count; i++) {
        io_prep_pread(&iocbs[i], files[i] = open(paths[i], O_RDONLY | O_CLOEXEC), bufs[i], room, 0);
        if (files[i] < 0)
            return errno;
        iocbs[i].data = (void *)i;
        pointers[i] = &iocbs[i];
    }
    for (size_t submitted = 0; submitted < count;) {
        int accepted = io_submit(context, (long)(count - submitted), pointers + submitted);
        if (accepted <= 0)
            return accepted ? -accepted : EAGAIN;
        submitted += (size_t)accepted;
    }
    for (size_t completed = 0; completed < count;) {
        long left = (long)(count - completed);
        int got = io_getevents(context, left, left, events, NULL);
        if (got == -EINTR)
            continue;
        if (got < 0)
            return -got;
        for (int i = 0; i < got; i++)
            if (events[i].res != sizes[(size_t)events[i].data])
                return EIO;
        completed += (size_t)got;
    }
    for (size_t i = 0; i < count; i++)
        close(files[i]);
    return 0;
}

/* One round. The first makes the context. */
int whole_files_round(const char *const *paths, char *const *bufs, const size_t *sizes, size_t room,
                      size_t count) {
    enum { MOST = 64 };
    static io_context_t context;
    static struct iocb iocbs[MOST], *pointers[MOST];
    static struct io_event events[MOST];
    static int files[MOST];
    if (count > MOST)
        return EINVAL;
    if (!context) {
        int error = io_setup(MOST, &context);
        if (error)
            return -error;
    }
    return read_all(context, paths, bufs, sizes, room, iocbs, pointers, events, files, count);
}
