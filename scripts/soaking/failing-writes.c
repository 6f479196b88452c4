/* Fails one of the system calls that change the files of a folder, in a program that is started with this library in LD_PRELOAD.
 *
 * SOAK_FOLDER  the folder, an absolute path without links
 * SOAK_LOG     file outside of it: a line for each such call, "number call path"
 * SOAK_FAIL    number of the call that fails, from 1; 0 for none
 * SOAK_SHORT   1: a write that is to fail first writes half of its bytes, as on a disk that fills up; 0: it fails at once
 *
 * The program's libraries make some of these calls without the C library, so that its functions cannot be replaced: a seccomp
 * filter sends the calls to a signal handler, which makes them with a mark in an unused argument. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/limits.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#define MARK 0x5eedu
#if defined(__x86_64__)
#define ARGUMENT(context, i) ((long)(context)->uc_mcontext.gregs[((int[]){REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9})[i]])
#define RESULT(context) (context)->uc_mcontext.gregs[REG_RAX]
#elif defined(__aarch64__)
#define ARGUMENT(context, i) ((long)(context)->uc_mcontext.regs[i])
#define RESULT(context) (context)->uc_mcontext.regs[0]
#else
#error "expected x86-64 or AArch64"
#endif

static char folder[PATH_MAX];
static long fail_at, is_short, calls, fails_next = -1;
static int log_file = -1;

/* Calls and where their path is: a descriptor or a path in argument 0, or a path in argument 1 after its folder's descriptor. */
enum Where { DESCRIPTOR, PATH, PATH_AT, NEW_PATH, NEW_PATH_AT };
static const struct { int number; enum Where where; const char *name; } CALLS[] = {
    {SYS_write, DESCRIPTOR, "write"},   {SYS_pwrite64, DESCRIPTOR, "pwrite"}, {SYS_writev, DESCRIPTOR, "writev"},
    {SYS_fsync, DESCRIPTOR, "fsync"},   {SYS_fdatasync, DESCRIPTOR, "fdatasync"},
    {SYS_ftruncate, DESCRIPTOR, "ftruncate"}, {SYS_openat, PATH_AT, "open"}, {SYS_mkdirat, PATH_AT, "mkdir"},
    {SYS_renameat2, NEW_PATH_AT, "rename"}, {SYS_linkat, NEW_PATH_AT, "link"},
#ifdef SYS_renameat
    {SYS_renameat, NEW_PATH_AT, "rename"},
#endif
#ifdef SYS_rename
    {SYS_open, PATH, "open"}, {SYS_mkdir, PATH, "mkdir"}, {SYS_rename, NEW_PATH, "rename"}, {SYS_link, NEW_PATH, "link"},
#endif
};
#define COUNT (sizeof CALLS / sizeof *CALLS)

static long call(long number, ucontext_t *context) {
  long result = syscall(number, ARGUMENT(context, 0), ARGUMENT(context, 1), ARGUMENT(context, 2), ARGUMENT(context, 3),
                        ARGUMENT(context, 4), MARK);
  return result < 0 ? -errno : result;
}

/* The call's path, absolute; empty if it has none. */
static void path_of(enum Where where, ucontext_t *context, char path[PATH_MAX]) {
  const char *name = NULL;
  char link[64] = "/proc/self/cwd";
  long at = AT_FDCWD;
  switch (where) {
    case DESCRIPTOR: at = ARGUMENT(context, 0); break;
    case PATH: name = (const char *)ARGUMENT(context, 0); break;
    case NEW_PATH: name = (const char *)ARGUMENT(context, 1); break;
    case PATH_AT: at = (int)ARGUMENT(context, 0); name = (const char *)ARGUMENT(context, 1); break;
    case NEW_PATH_AT: at = (int)ARGUMENT(context, 2); name = (const char *)ARGUMENT(context, 3); break;
  }
  path[0] = 0;
  size_t length = 0;
  if (!name || name[0] != '/') {
    if (at != AT_FDCWD) snprintf(link, sizeof link, "/proc/self/fd/%ld", at);
    ssize_t found = readlink(link, path, PATH_MAX - 1);
    length = found > 0 ? (size_t)found : 0;
    path[length] = 0;
  }
  if (name) snprintf(path + length, PATH_MAX - length, "%s%s", length ? "/" : "", name);
}

static int is_inside(const char *path) {
  size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* Whether an open may change files. */
static int only_reads(size_t which, ucontext_t *context) {
  if (strcmp(CALLS[which].name, "open") != 0) return 0;
  long flags = ARGUMENT(context, CALLS[which].where == PATH ? 1 : 2);
  return !(flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC));
}

static long decide(size_t which, ucontext_t *context) {
  char path[PATH_MAX], line[PATH_MAX + 64];
  long number = CALLS[which].number;
  path_of(CALLS[which].where, context, path);
  if (only_reads(which, context) || !is_inside(path)) return call(number, context);
  long count = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  int length = snprintf(line, sizeof line, "%ld %s %s\n", count, CALLS[which].name, path);
  syscall(SYS_write, log_file, line, length, 0, 0, MARK);
  long error = count % 2 ? -EIO : -ENOSPC;
  if (number == SYS_write && ARGUMENT(context, 0) == fails_next) {
    fails_next = -1;
    return error;
  }
  if (count != fail_at) return call(number, context);
  if (number == SYS_write && is_short && ARGUMENT(context, 2) > 1) {
    fails_next = ARGUMENT(context, 0);
    return syscall(SYS_write, ARGUMENT(context, 0), ARGUMENT(context, 1), ARGUMENT(context, 2) / 2, 0, 0, MARK);
  }
  return error;
}

static void handle(int signal, siginfo_t *info, void *pointer) {
  (void)signal;
  int before = errno;
  ucontext_t *context = pointer;
  for (size_t which = 0; which < COUNT; which++)
    if (CALLS[which].number == info->si_syscall) RESULT(context) = decide(which, context);
  errno = before;
}

static void stop(const char *what) {
  perror(what);
  _exit(99);
}

__attribute__((constructor)) static void begin(void) {
  const char *fail = getenv("SOAK_FAIL"), *path = getenv("SOAK_FOLDER"), *log = getenv("SOAK_LOG"), *half = getenv("SOAK_SHORT");
  if (!fail || !path || !log) return;
  fail_at = atol(fail);
  is_short = half && *half == '1';
  snprintf(folder, sizeof folder, "%s", path);
  log_file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (log_file < 0) stop(log);
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_NODEFER};
  if (sigaction(SIGSYS, &action, NULL)) stop("sigaction");
  struct sock_filter filter[COUNT + 6];
  size_t end = 0;
  /* Marked calls pass; then the calls of the table, and the rest passes. */
  filter[end++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5]));
  filter[end++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK, COUNT + 1, 0);
  filter[end++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (size_t which = 0; which < COUNT; which++)
    filter[end++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS[which].number, COUNT - which, 0);
  filter[end++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[end++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
  struct sock_fprog program = {.len = end, .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) stop("PR_SET_NO_NEW_PRIVS");
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) stop("PR_SET_SECCOMP");
}
