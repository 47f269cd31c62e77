/* The loop on libaio that the crate is compared with, with the same bookkeeping: a request owns a buffer
 * and a tag while it is in flight, and both come back with its result. */
#include <errno.h>
#include <libaio.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct request {
    struct iocb iocb;
    void *buf;
    uint64_t tag;
    struct request *next_free;
};

struct loop {
    io_context_t context;
    size_t most;               /* in flight */
    size_t size;               /* of a read, in bytes */
    struct request *requests;  /* `most` of them */
    struct request *free;      /* those that are not in flight */
    struct iocb **iocbs;       /* what a batch submits */
    struct io_event *events;   /* what a wait returns */
    void **bufs;               /* those that are not in flight, a stack */
    size_t buf_count;
};

void loop_free(struct loop *loop) {
    if (loop->context)
        io_destroy(loop->context);
    free(loop->requests);
    free(loop->iocbs);
    free(loop->events);
    free(loop->bufs);
    free(loop);
}

/* For `most` requests in flight, with the caller's buffers: `most` of `size` bytes, `stride` bytes apart.
 * On failure NULL, and errno is set. */
struct loop *loop_new(size_t most, char *memory, size_t stride, size_t size) {
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->most = most;
    loop->size = size;
    loop->requests = calloc(most, sizeof *loop->requests);
    loop->iocbs = calloc(most, sizeof *loop->iocbs);
    loop->events = calloc(most, sizeof *loop->events);
    loop->bufs = calloc(most, sizeof *loop->bufs);
    int error = ENOMEM;
    if (loop->requests && loop->iocbs && loop->events && loop->bufs)
        error = -io_setup((int)most, &loop->context);
    if (error) {
        loop->context = NULL;
        loop_free(loop);
        errno = error;
        return NULL;
    }
    for (size_t i = most; i-- > 0;) {
        loop->requests[i].next_free = loop->free;
        loop->free = &loop->requests[i];
        loop->bufs[loop->buf_count++] = memory + i * stride;
    }
    return loop;
}

/* Prepares a read of the first bytes of the file. NULL if no request is free. */
static struct iocb *prepare(struct loop *loop, int file, uint64_t tag) {
    struct request *request = loop->free;
    if (!request || !loop->buf_count)
        return NULL;
    loop->free = request->next_free;
    request->buf = loop->bufs[--loop->buf_count];
    request->tag = tag;
    io_prep_pread(&request->iocb, file, request->buf, loop->size, 0);
    request->iocb.data = request;
    return &request->iocb;
}

/* Submits the requests that were prepared. Returns 0 or an errno. */
static int submit(struct loop *loop, size_t count) {
    for (size_t submitted = 0; submitted < count;) {
        int accepted = io_submit(loop->context, (long)(count - submitted), loop->iocbs + submitted);
        if (accepted <= 0)
            return accepted ? -accepted : EAGAIN;
        submitted += (size_t)accepted;
    }
    return 0;
}

/* Waits for `count` requests, and takes their buffers and tags back. No tag may be above `newest`. Returns
 * 0 or an errno. */
static int take(struct loop *loop, size_t count, uint64_t newest) {
    for (size_t completed = 0; completed < count;) {
        long left = (long)(count - completed);
        int got = io_getevents(loop->context, left, left, loop->events, NULL);
        if (got == -EINTR)
            continue;
        if (got < 0)
            return -got;
        for (int i = 0; i < got; i++) {
            struct request *request = loop->events[i].data;
            if (loop->events[i].res != loop->size || request->tag > newest)
                return EIO;
            loop->bufs[loop->buf_count++] = request->buf;
            request->next_free = loop->free;
            loop->free = request;
        }
        completed += (size_t)got;
    }
    return 0;
}

/* Reads `reads` times, `at_once` in a batch. Returns 0 or an errno. */
int loop_read(struct loop *loop, int file, size_t reads, size_t at_once) {
    for (size_t round = 0; round < reads / at_once; round++) {
        size_t batch = 0;
        struct iocb *iocb;
        while (batch < at_once && (iocb = prepare(loop, file, round)))
            loop->iocbs[batch++] = iocb;
        int error = submit(loop, batch);
        if (error || (error = take(loop, batch, round)))
            return error;
    }
    return 0;
}

/* Reads `reads` times, from one file after the other, with all requests in flight. `at_once` completions are
 * taken at a time, and as many requests submitted. Returns 0 or an errno. */
int loop_read_deep(struct loop *loop, const int *files, size_t file_count, size_t reads, size_t at_once) {
    size_t file = 0, in_flight = 0;
    for (size_t started = 0; started < reads || in_flight;) {
        int error;
        if (started < reads) {
            size_t batch = 0;
            struct iocb *iocb;
            while (batch < at_once && (iocb = prepare(loop, files[file], started))) {
                loop->iocbs[batch++] = iocb;
                if (++file == file_count)
                    file = 0;
            }
            if ((error = submit(loop, batch)))
                return error;
            started += batch;
            in_flight += batch;
        }
        if (started >= reads || in_flight == loop->most) {
            size_t count = in_flight < at_once ? in_flight : at_once;
            if ((error = take(loop, count, started)))
                return error;
            in_flight -= count;
        }
    }
    return 0;
}
