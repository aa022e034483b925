/* Loaded before the C library (LD_PRELOAD): while the file that RINGBACK_TEST_TROUBLE names exists, syncing a file fails
   with EIO, and what was written to it since its last sync is destroyed, as where a system drops the pages that it could
   not write. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 65536

struct extent {
    int fd;
    off64_t at;
    size_t length;
};

static struct extent unsynced[MOST];
static size_t count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(int fd, off64_t at, ssize_t length) {
    if (at < 0 || length <= 0)
        return;
    pthread_mutex_lock(&lock);
    if (count == MOST)
        abort();
    unsynced[count++] = (struct extent){fd, at, (size_t)length};
    pthread_mutex_unlock(&lock);
}

/* Forgets what was written to a file, and destroys it if that is asked for. */
static void settle(int fd, int destroy) {
    static const char zeros[1 << 16];
    ssize_t (*put)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    size_t kept = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++) {
        struct extent *it = &unsynced[i];
        if (it->fd != fd)
            unsynced[kept++] = *it;
        else if (destroy)
            put(fd, zeros, it->length < sizeof zeros ? it->length : sizeof zeros, it->at);
    }
    count = kept;
    pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *from, size_t length) {
    ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    int before = errno;
    off64_t at = lseek64(fd, 0, SEEK_CUR);
    errno = before;
    ssize_t written = next(fd, from, length);
    note(fd, at, written);
    return written;
}

ssize_t pwrite64(int fd, const void *from, size_t length, off64_t at) {
    ssize_t (*next)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    ssize_t written = next(fd, from, length, at);
    note(fd, at, written);
    return written;
}

ssize_t pwrite(int fd, const void *from, size_t length, off_t at) {
    return pwrite64(fd, from, length, at);
}

static int sync_with(const char *name, int fd) {
    int (*next)(int) = dlsym(RTLD_NEXT, name);
    const char *trouble = getenv("RINGBACK_TEST_TROUBLE");
    int fails = trouble != NULL && access(trouble, F_OK) == 0;
    settle(fd, fails);
    if (fails) {
        errno = EIO;
        return -1;
    }
    return next(fd);
}

int fdatasync(int fd) {
    return sync_with("fdatasync", fd);
}

int fsync(int fd) {
    return sync_with("fsync", fd);
}

int close(int fd) {
    int (*next)(int) = dlsym(RTLD_NEXT, "close");
    settle(fd, 0);
    return next(fd);
}
