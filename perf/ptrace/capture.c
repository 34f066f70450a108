#include "perf/ptrace/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/stack_extent.h"
#include "perf/process/proc.h"
#include "perf/ptrace/arch.h"

enum { PAGE = 4096, PAGES = 256, STACK_SIZE = 512 * 1024 };

/* A page of the process, read in this capture. A walk over frames touches few pages many times. */
struct plait_page {
	uint64_t address; /* ~0: none */
	uint8_t bytes[PAGE];
};

/* ---- memory ---- */

struct cached_memory {
	struct plait_capture *capture;
	struct plait_memory memory;
};

static bool read_cached(void *context, uint64_t address, void *ret, size_t size)
{
	const struct cached_memory *cached = context;
	uint8_t *to = ret;
	if (address + size < address)
		return false;
	while (size) {
		uint64_t start = address & -(uint64_t)PAGE;
		size_t offset = (size_t)(address - start), part = PAGE - offset < size ? PAGE - offset : size;
		struct plait_page *page = &cached->capture->pages[start / PAGE % PAGES];
		if (page->address != start) {
			page->address = UINT64_MAX;
			if (!plait_memory_read(&cached->memory, start, page->bytes, PAGE))
				return false;
			page->address = start;
		}
		memcpy(to, page->bytes + offset, part);
		to += part;
		address += part;
		size -= part;
	}
	return true;
}

static bool prepare_memory(struct plait_capture *capture, uint32_t pid, struct cached_memory *cached,
			   struct plait_memory *ret)
{
	if (!capture->pages)
		capture->pages = malloc(PAGES * sizeof(*capture->pages));
	if (!capture->pages)
		return false;
	for (size_t i = 0; i < PAGES; i++)
		capture->pages[i].address = UINT64_MAX;
	*cached = (struct cached_memory) { .capture = capture, .memory = plait_memory_of_process((pid_t)pid) };
	*ret = (struct plait_memory) { .read = read_cached, .context = cached };
	return true;
}

/* Copies the stack from the stack pointer on. One whose start is not known ends at the first page that is not there. */
static bool copy_stack(struct plait_capture *capture, const struct plait_capture_options *options)
{
	uint64_t sp = capture->registers.value[plait_ptrace_sp];
	uint64_t known = plait_stack_extent(sp, options->start_stack, capture->tp);
	uint64_t size = known ? known - sp : PLAIT_STACK_UNKNOWN;
	uint32_t limit = options->stack_size ? options->stack_size : STACK_SIZE;
	bool cut = size > limit;
	size = cut ? limit : size;
	if (size > capture->capacity) {
		uint8_t *grown = realloc(capture->bytes, size);
		if (!grown)
			return false;
		capture->bytes = grown;
		capture->capacity = size;
	}
	struct plait_memory memory = plait_memory_of_process((pid_t)options->pid);
	bool read = plait_memory_read(&memory, sp, capture->bytes, size);
	while (!read && size > 0) {
		uint64_t shorter = (sp + size - 1) & -(uint64_t)PAGE;
		size = shorter > sp ? shorter - sp : 0;
		read = size && plait_memory_read(&memory, sp, capture->bytes, size);
	}
	capture->piece = (struct plait_stack_piece) { .address = sp, .data = capture->bytes, .size = size };
	capture->stack = (struct plait_stack) { .pieces = &capture->piece,
						.count = size > 0,
						.whole = known && !cut && sp + size == known };
	return true;
}

/* The stack, and what the caller wants besides: the thread stands still. */
static bool take(struct plait_capture *capture, const struct plait_capture_options *options)
{
	struct cached_memory cached;
	struct plait_memory memory;
	if (!prepare_memory(capture, options->pid, &cached, &memory) || !copy_stack(capture, options))
		return false;
	if (options->visit)
		options->visit(options->context, capture, &memory);
	return true;
}

/* ---- /proc ---- */

/* Reads a small file of a thread; false when it is gone or may not be read. */
static bool read_thread_file(uint32_t pid, pid_t tid, const char *name, char *ret, size_t size)
{
	char path[96];
	snprintf(path, sizeof(path), "/proc/%u/task/%d/%s", pid, (int)tid, name);
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, ret, size - 1) : -1;
	ret[got > 0 ? got : 0] = '\0';
	return got > 0;
}

bool plait_thread_cpu_ns(uint32_t pid, pid_t tid, uint64_t *ret)
{
	char text[128];
	if (!read_thread_file(pid, tid, "schedstat", text, sizeof(text)))
		return false;
	*ret = strtoull(text, NULL, 10);
	return true;
}

uint32_t plait_thread_own_tid(uint32_t pid, pid_t tid)
{
	char text[4096];
	char *line = read_thread_file(pid, tid, "status", text, sizeof(text)) ? strstr(text, "\nNSpid:") : NULL;
	if (!line)
		return (uint32_t)tid;
	line[1 + strcspn(line + 1, "\n")] = '\0';
	return (uint32_t)strtoul(strrchr(line, '\t') + 1, NULL, 10);
}

char plait_thread_state(uint32_t pid, pid_t tid)
{
	char text[512];
	const char *end = read_thread_file(pid, tid, "stat", text, sizeof(text)) ? strrchr(text, ')') : NULL;
	return end && end[1] == ' ' ? end[2] : '\0';
}

/* ---- stopped ---- */

/* Waits for the stop of a thread that was seized and interrupted. `*ret_signal` is what it was about to receive. False
 * when it has ended; how, is left for whoever waits for it if it is a child of this process, else taken, so that its
 * own parent comes to know. */
static bool wait_for_stop(pid_t tid, bool is_process, int *ret_signal)
{
	siginfo_t info;
	int result, status;
	do {
		info.si_pid = 0;
		result = waitid(P_PID, (id_t)tid, &info, WSTOPPED | WEXITED | WNOWAIT | __WALL);
	} while (result < 0 && errno == EINTR);
	bool stopped = result == 0 && (info.si_code == CLD_STOPPED || info.si_code == CLD_TRAPPED);
	struct plait_proc_stat stat;
	if (result != 0 ||
	    (!stopped && is_process && plait_proc_read_stat((uint32_t)tid, &stat) && stat.parent == (uint32_t)getpid()))
		return false;
	if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
		return false;
	/* A stop for a signal has no event; the signal is handed on with the release. */
	*ret_signal = status >> 16 ? 0 : WSTOPSIG(status);
	return true;
}

enum plait_capture_result plait_capture_stopped(struct plait_capture *capture,
						const struct plait_capture_options *options, pid_t tid)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
		return errno == ESRCH ? PLAIT_CAPTURE_GONE : PLAIT_CAPTURE_REFUSED;
	uint64_t begin = plait_clock_ns(CLOCK_MONOTONIC);
	int signal = 0;
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0 || !wait_for_stop(tid, tid == (pid_t)options->pid, &signal))
		return PLAIT_CAPTURE_GONE; /* with the thread, the tracing has ended */
	enum plait_capture_result result = PLAIT_CAPTURE_GONE;
	if (plait_ptrace_registers(tid, &capture->registers, &capture->tp, &capture->in_call))
		result = take(capture, options) ? PLAIT_CAPTURE_DONE : PLAIT_CAPTURE_NO_MEMORY;
	if (!plait_thread_cpu_ns(options->pid, tid, &capture->cpu_ns))
		capture->cpu_ns = 0;
	ptrace(PTRACE_DETACH, tid, NULL, (void *)(intptr_t)signal);
	capture->stopped_ns = plait_clock_ns(CLOCK_MONOTONIC) - begin;
	return result;
}

/* ---- sleeping ---- */

/* How often the thread has left a CPU; false when it is gone. */
static bool count_switches(uint32_t pid, pid_t tid, uint64_t *ret)
{
	char text[4096];
	if (!read_thread_file(pid, tid, "status", text, sizeof(text)))
		return false;
	const char *at = strstr(text, "\nvoluntary_ctxt_switches:");
	const char *other = strstr(text, "\nnonvoluntary_ctxt_switches:");
	if (!at || !other)
		return false;
	*ret = strtoull(at + 25, NULL, 10) + strtoull(other + 28, NULL, 10);
	return true;
}

/* "NR ARG... SP PC" of a thread that is blocked, in hexadecimal but for the first. */
static bool read_call(uint32_t pid, pid_t tid, uint64_t *ret_sp, uint64_t *ret_pc)
{
	char text[256];
	if (!read_thread_file(pid, tid, "syscall", text, sizeof(text)) || !strncmp(text, "running", 7))
		return false;
	char *pc = strrchr(text, ' ');
	if (!pc)
		return false;
	*pc++ = '\0';
	char *sp = strrchr(text, ' ');
	if (!sp)
		return false;
	*ret_sp = strtoull(sp + 1, NULL, 16);
	*ret_pc = strtoull(pc, NULL, 16);
	return *ret_sp != 0;
}

enum plait_capture_result plait_capture_sleeping(struct plait_capture *capture,
						 const struct plait_capture_options *options, pid_t tid, uint64_t tp)
{
	uint64_t before, after, sp, pc;
	char state = plait_thread_state(options->pid, tid);
	if (!state)
		return PLAIT_CAPTURE_GONE;
	if ((state != 'S' && state != 'D') || !count_switches(options->pid, tid, &before) ||
	    !read_call(options->pid, tid, &sp, &pc))
		return PLAIT_CAPTURE_AWAKE;
	capture->registers = (struct plait_registers) { .valid = 1ULL << plait_ptrace_sp | 1ULL << plait_ptrace_pc };
	capture->registers.value[plait_ptrace_sp] = sp;
	capture->registers.value[plait_ptrace_pc] = pc;
	capture->tp = tp;
	capture->in_call = true;
	capture->stopped_ns = 0;
	if (!take(capture, options))
		return PLAIT_CAPTURE_NO_MEMORY;
	state = plait_thread_state(options->pid, tid);
	if (!count_switches(options->pid, tid, &after) || before != after || (state != 'S' && state != 'D'))
		return PLAIT_CAPTURE_AWAKE;
	if (!plait_thread_cpu_ns(options->pid, tid, &capture->cpu_ns))
		capture->cpu_ns = 0;
	return PLAIT_CAPTURE_DONE;
}

/* ---- whether we may ---- */

static struct plait_error *explain(pid_t pid, int err, const char *what)
{
	struct plait_error *error = plait_error_system(err, "%s process %d", what, (int)pid);
	char line[32];
	bool read = plait_file_first_line("/proc/sys/kernel/yama/ptrace_scope", line, sizeof(line));
	long scope = read ? strtol(line, NULL, 10) : 0;
	if (error->code != PLAIT_ERROR_PERMISSION)
		return error;
	if (scope > 0)
		return plait_error_advise(
			error,
			"Yama (kernel.yama.ptrace_scope is %ld) allows this for own children only: run as "
			"root, or: sudo sysctl kernel.yama.ptrace_scope=0",
			scope);
	return plait_error_advise(error, "the process belongs to another user, or is protected: run as root, or with "
					 "CAP_SYS_PTRACE (docker run --cap-add SYS_PTRACE)");
}

struct plait_error *plait_capture_allowed(pid_t pid, bool stop)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return explain(pid, errno == ENOENT ? ESRCH : errno, "cannot read the memory of");
	/* A thread that nobody traces: ESRCH, where the system call is allowed at all. */
	if (stop && ptrace(PTRACE_CONT, pid, NULL, NULL) != 0 && errno != ESRCH)
		return plait_error_advise(plait_error_system(errno, "cannot use ptrace on process %d", (int)pid),
					  "a seccomp filter refuses it (docker run --cap-add SYS_PTRACE allows it)");
	return NULL;
}

void plait_capture_release(struct plait_capture *capture)
{
	free(capture->bytes);
	free(capture->pages);
	*capture = (struct plait_capture) { 0 };
}
