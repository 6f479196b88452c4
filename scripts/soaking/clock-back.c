/* A wall clock that is set back by SOAK_CLOCK_BACK seconds, SOAK_CLOCK_AFTER milliseconds after the start of the program that has this
 * library in LD_PRELOAD. The monotonic clock goes on as it is. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long back, after;
static struct timespec started;

__attribute__((constructor)) static void begin(void) {
  const char *seconds = getenv("SOAK_CLOCK_BACK"), *milliseconds = getenv("SOAK_CLOCK_AFTER");
  back = seconds ? atol(seconds) : 0;
  after = milliseconds ? atol(milliseconds) : 0;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &started);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    long passed = (now.tv_sec - started.tv_sec) * 1000 + (now.tv_nsec - started.tv_nsec) / 1000000;
    if (passed >= after) time->tv_sec -= back;
  }
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t *place) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (place) *place = now.tv_sec;
  return now.tv_sec;
}
