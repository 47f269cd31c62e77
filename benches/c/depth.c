/* Keeps requests of one size in flight, with libaio, and measures how long each takes. */
#include <errno.h>
#include <libaio.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct request {
    struct iocb iocb;
    void *buf;
    uint64_t start_ns;
    struct request *next_free;
};

struct depth {
    io_context_t context;
    size_t depth;
    struct request *requests, *free;
    struct iocb **iocbs;
    struct io_event *events;
};

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void depth_free(struct depth *own) {
    if (own->context)
        io_destroy(own->context);
    free(own->requests);
    free(own->iocbs);
    free(own->events);
    free(own);
}

/* For `depth` requests in flight, with the caller's buffers. On failure NULL, and errno is set. */
struct depth *depth_new(size_t depth, void *const *bufs) {
    struct depth *own = calloc(1, sizeof *own);
    if (!own)
        return NULL;
    own->depth = depth;
    own->requests = calloc(depth, sizeof *own->requests);
    own->iocbs = calloc(depth, sizeof *own->iocbs);
    own->events = calloc(depth, sizeof *own->events);
    int error = ENOMEM;
    if (own->requests && own->iocbs && own->events)
        error = -io_setup((int)depth, &own->context);
    if (error) {
        own->context = NULL;
        depth_free(own);
        errno = error;
        return NULL;
    }
    for (size_t i = depth; i-- > 0;) {
        own->requests[i].buf = bufs[i];
        own->requests[i].next_free = own->free;
        own->free = &own->requests[i];
    }
    return own;
}

/* Reads or writes `size` bytes at each of `count` offsets, and stores how long each took. Returns 0 or an
 * errno; in the latter case requests may still be in flight. */
int depth_run(struct depth *own, int file, int write, size_t size, const uint64_t *offsets,
              size_t count, uint64_t *took_ns) {
    size_t next = 0, in_flight = 0, done = 0;
    while (done < count) {
        size_t batch = 0;
        uint64_t start_ns = now_ns();
        while (next < count && own->free) {
            struct request *request = own->free;
            own->free = request->next_free;
            (write ? io_prep_pwrite : io_prep_pread)(&request->iocb, file, request->buf, size,
                                                     (long long)offsets[next++]);
            request->iocb.data = request;
            request->start_ns = start_ns;
            own->iocbs[batch++] = &request->iocb;
        }
        for (size_t submitted = 0; submitted < batch;) {
            int accepted = io_submit(own->context, (long)(batch - submitted), own->iocbs + submitted);
            if (accepted <= 0)
                return accepted ? -accepted : EAGAIN;
            submitted += (size_t)accepted;
        }
        in_flight += batch;
        int got = io_getevents(own->context, 1, (long)in_flight, own->events, NULL);
        if (got == -EINTR)
            continue;
        if (got < 0)
            return -got;
        uint64_t end_ns = now_ns();
        for (int i = 0; i < got; i++) {
            struct request *request = own->events[i].data;
            if (own->events[i].res != size)
                return EIO;
            took_ns[done++] = end_ns - request->start_ns;
            request->next_free = own->free;
            own->free = request;
        }
        in_flight -= (size_t)got;
    }
    return 0;
}
