/* A machine with SOAK_CORES cores, for a program that is started with this library in LD_PRELOAD: what it asks for the cores that it may
 * run on. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>

int sched_getaffinity(pid_t process, size_t bytes, cpu_set_t *set) {
  (void)process;
  const char *cores = getenv("SOAK_CORES");
  CPU_ZERO_S(bytes, set);
  for (int core = 0; core < (cores ? atoi(cores) : 1); core++) CPU_SET_S(core, bytes, set);
  return 0;
}
