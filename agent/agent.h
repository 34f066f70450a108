/*
 * The agent: a library that is preloaded into a program and samples each of its threads by itself, from a signal
 * handler: registers, a copy of the stack, and the Python frames, of one instant. It needs no privilege.
 *
 * The handler may interrupt anything, malloc and the dynamic linker included. What it runs allocates nothing, takes no
 * lock, and calls of libc only what is async-signal-safe (signal-safety(7)). The library is linked with -z now, so that
 * no call is bound in a handler, and has its thread-local variable in the static TLS block.
 *
 * docs/agent.md tells users what the agent does to a program; common/agent_wire.h is what it says to the recorder.
 */
#ifndef PLAIT_AGENT_AGENT_H
#define PLAIT_AGENT_AGENT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "common/agent_wire.h"
#include "common/sample_wire.h"
#include "python_unwind/walk_state.h"

/* Real-time signals below are the C library's. Programs that use one take the first ones or the last. */
#define AGENT_SIGNAL 57

#define AGENT_FRAMES_MAX 16384	  /* Python frames of a sample */
#define AGENT_ALTSTACK_SIZE 32768 /* the kernel's frame (with AVX-512 and AMX some 11 KiB), and the handler's */
#define AGENT_PAGES 64		  /* a power of two */
#define AGENT_NO_TIMER (-1)

/* What one thread needs; zeroed memory of its own, never moved. */
struct agent_thread {
	struct agent_thread *next_free;
	void *(*start)(void *); /* of pthread_create() */
	void *argument;
	uint32_t tid;	      /* own pid namespace */
	int timer, cpu_timer; /* kernel's ids; AGENT_NO_TIMER */
	uint64_t tp;
	uint64_t cpu_ns; /* the thread's CPU clock at its sample before */
	uint64_t random;
	bool has_altstack; /* the alternate signal stack is ours */
	bool busy;	   /* a sample is being taken */

	/* Of the sample at hand. */
	uint64_t stack_start, stack_end; /* readable without a look */
	uint64_t own_tstate;
	uint64_t pages[AGENT_PAGES]; /* that were found readable; ~0: none */
	uint32_t plans_seen;	     /* page->plans when the plans were copied */
	uint32_t plan_count;
	struct plait_walk_plan plans[PLAIT_AGENT_PLANS];
	struct plait_walk walk;
	struct plait_wire_code code;
	struct plait_wire_frame frames[AGENT_FRAMES_MAX];
	uint8_t altstack[AGENT_ALTSTACK_SIZE] __attribute__((aligned(16)));
};

struct agent_settings {
	char socket[108]; /* "" : the agent does nothing */
	uint64_t interval_ns;
	uint64_t stack_limit;
	enum plait_agent_timer timer;
};

extern struct agent_settings agent_settings;

/* This thread's; NULL: it takes no samples. */
extern __thread struct agent_thread *agent_self;

/* agent.c */

/* Starts sampling the process, once. */
void agent_start(void);

/* settings.c */

/* Reads the environment. With nothing to do, `ret->socket` is "". */
void agent_settings_read(struct agent_settings *ret);

/* threads.c */

/* A block for a thread that is to come, or NULL. */
struct agent_thread *agent_thread_new(void);
void agent_thread_free(struct agent_thread *thread);
/* The calling thread is `thread` from now on, and its timer runs. */
void agent_thread_begin(struct agent_thread *thread);
/* Stops the calling thread's timer and frees. */
void agent_thread_end(void);
/* In the child of a fork: its only thread starts anew. */
void agent_thread_forked(void);
/* Stops the timer of the calling thread for good. Safe in a handler. */
void agent_thread_quiet(struct agent_thread *thread);
/* CPU time of the calling thread, ns. Safe in a handler. */
uint64_t agent_thread_cpu_ns(void);
/* Makes the next expiry of a PLAIT_AGENT_TIMER_FAST. Safe in a handler. */
void agent_thread_arm(struct agent_thread *thread);

/* ring.c: all safe in a handler */

/* Whether samples can be written; makes the ring and tells the recorder when there is none yet. With `wait` the answer
 * is waited for. */
bool agent_ring_ready(bool wait);
/* Room for a record with `body` bytes, or NULL: there is none. */
struct plait_agent_record *agent_ring_reserve(enum plait_agent_record_kind kind, size_t body, uint64_t *ret_position);
void agent_ring_commit(struct plait_agent_record *record, uint64_t position);
/* A sample is lost. */
void agent_ring_count_lost(void);
/* Whether the recorder has ended, or has not read for so long that it must have. */
bool agent_ring_is_over(void);
/* The plans, copied to `thread` when they have changed. */
void agent_ring_plans(struct agent_thread *thread);
/* In the child of a fork: the ring is the parent's. */
void agent_ring_forked(void);
/* Whether this process has a ring. */
bool agent_ring_exists(void);

/* capture.c: safe in a handler */

/* Writes one sample of the calling thread as `context` has it. */
void agent_capture(struct agent_thread *self, const void *context, uint64_t weight);
/* Whether the signal has ended a system call in which the thread slept. */
bool agent_capture_slept(const void *context);
/* Writes where the program's files are mapped. */
void agent_capture_maps(struct agent_thread *self);
/* The mappings have changed in a way that could mislead: they are written before the next sample. */
void agent_capture_maps_soon(void);
/* In the child of a fork: nothing was sent of it yet. */
void agent_capture_forked(void);

/* interpose.c */

/* What the program believes its handler of AGENT_SIGNAL to be: for a signal that is not the agent's. */
void agent_pass_on(int number, siginfo_t *info, void *context);
/* Reads the settings and looks up what is interposed. Called before the first use; may be called again. */
void agent_interpose_prepare(void);
int agent_real_sigaction(int number, const struct sigaction *action, struct sigaction *old);

#endif
