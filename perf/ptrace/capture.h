/*
 * One thread of another process, at one instant: its registers, stack and Python frames, taken while it is stopped by
 * ptrace(2), or while it provably sleeps.
 */
#ifndef PLAIT_PERF_PTRACE_CAPTURE_H
#define PLAIT_PERF_PTRACE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/memory.h"
#include "common/python_reader.h"
#include "common/sample.h"

/* A capture, and the memory for it. Zeroed is empty; used again for the next. */
struct plait_capture {
	struct plait_registers registers;
	uint64_t tp;	     /* 0: not known */
	uint64_t stopped_ns; /* how long the thread was stopped; 0: it was not */
	uint64_t cpu_ns;     /* CPU time of the thread so far; 0: not known */
	bool in_call;	     /* the thread was in a system call */
	struct plait_stack stack;
	struct plait_stack_piece piece;
	uint8_t *bytes; /* of the stack */
	size_t capacity;
	struct plait_page *pages; /* that were read in this capture */
};

/* What is wanted of a capture. */
struct plait_capture_options {
	uint32_t pid;
	uint64_t start_stack; /* mm->start_stack of the process */
	uint32_t stack_size;  /* most bytes of stack */
	/* Called while the thread stands still: reads the rest (Python frames). May be NULL. */
	void (*visit)(void *context, struct plait_capture *capture, const struct plait_memory *memory);
	void *context;
};

enum plait_capture_result {
	PLAIT_CAPTURE_DONE,
	PLAIT_CAPTURE_GONE,    /* the thread has ended */
	PLAIT_CAPTURE_AWAKE,   /* it does not sleep, or did not all the time (plait_capture_sleeping()) */
	PLAIT_CAPTURE_REFUSED, /* we may not */
	PLAIT_CAPTURE_NO_MEMORY,
};

/* Stops thread `tid`, captures it, and lets it go on. A system call in which it sleeps goes on too, but for those that
 * a stop interrupts (signal(7): epoll_wait, sigtimedwait, semop ...). */
enum plait_capture_result plait_capture_stopped(struct plait_capture *capture,
						const struct plait_capture_options *options, pid_t tid);

/* Captures a thread that sleeps in a system call, without a stop: of the registers only the stack pointer and the
 * program counter are known. That it slept all the while is proven by its switch counts. */
enum plait_capture_result plait_capture_sleeping(struct plait_capture *capture,
						 const struct plait_capture_options *options, pid_t tid, uint64_t tp);

/* Why the memory of process `pid` may not be read, or with `stop` its threads not be stopped; NULL when they may. */
struct plait_error *plait_capture_allowed(pid_t pid, bool stop);

/* CPU time of a thread, ns; false when the kernel does not tell (CONFIG_SCHED_INFO), or it is gone. */
bool plait_thread_cpu_ns(uint32_t pid, pid_t tid, uint64_t *ret);

/* What the thread calls itself: its id in its own pid namespace (NSpid of its status); `tid` where that is not told. */
uint32_t plait_thread_own_tid(uint32_t pid, pid_t tid);

/* The state letter of a thread as in /proc/PID/stat ('R', 'S', 'D', ...); 0 when it is gone. */
char plait_thread_state(uint32_t pid, pid_t tid);

/* Frees; the capture is empty afterwards. */
void plait_capture_release(struct plait_capture *capture);

#endif
