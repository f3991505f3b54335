/* The clock of the calendar, off by POLE_SOAK_SHIFT seconds, for one process: preloaded by LD_PRELOAD.
   Clocks that only measure durations are as they are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long shift(void)
{
    const char *given = getenv("POLE_SOAK_SHIFT");
    return given == NULL ? 0 : strtol(given, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += shift();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    (void)zone;
    struct timespec read;
    int failed = clock_gettime(CLOCK_REALTIME, &read);
    if (!failed) {
        now->tv_sec = read.tv_sec;
        now->tv_usec = read.tv_nsec / 1000;
    }
    return failed;
}

time_t time(time_t *kept)
{
    struct timespec read;
    if (clock_gettime(CLOCK_REALTIME, &read))
        return (time_t)-1;
    if (kept != NULL)
        *kept = read.tv_sec;
    return read.tv_sec;
}
