/*
 * What the agent (the preloaded library of engine `agent`) and the recorder say to each other.
 *
 * PLAIT_AGENT in the environment of the program has the settings: "socket=PATH,interval=NS,timer=cpu,stack=BYTES"; the
 * socket's path comes last, as it may hold commas.
 *
 * A process that takes its first sample connects to the socket (AF_UNIX, SOCK_STREAM), sends one struct
 * plait_agent_hello with the descriptor of its ring (a memfd), and closes it. With PLAIT_AGENT_HELLO_WAIT it reads one
 * byte before that: by then the recorder has written a plan, if the process runs a CPython.
 *
 * The ring is one page (struct plait_agent_page) and data_size bytes of records. Many threads write, one process reads:
 * a writer moves `head` over the bytes that it wants (compare and exchange), fills them in, and writes `commit` last.
 */
#ifndef PLAIT_COMMON_AGENT_WIRE_H
#define PLAIT_COMMON_AGENT_WIRE_H

#include <stdatomic.h>

#include "common/sample_wire.h"

#define PLAIT_AGENT_VARIABLE "PLAIT_AGENT"
#define PLAIT_AGENT_MAGIC 0x31616c70u	 /* "pla1" */
#define PLAIT_AGENT_PAGE 65536		 /* a multiple of any page size: 4, 16 or 64 KiB on aarch64 */
#define PLAIT_AGENT_DATA_SIZE (8u << 20) /* a power of two */
#define PLAIT_AGENT_PLANS 2
#define PLAIT_AGENT_PLAN_SIZE 512 /* room for a struct plait_walk_plan, which this header does not know */
#define PLAIT_AGENT_REGISTERS 33  /* as PLAIT_REGISTER_COUNT of common/sample.h */

enum plait_agent_timer {
	PLAIT_AGENT_TIMER_CPU = 1, /* the thread's CPU clock: as fast as the kernel's tick, disturbs no sleep */
	PLAIT_AGENT_TIMER_FAST,	   /* a timer in real time while the thread runs: may cut a sleep short (EINTR) */
};

enum plait_agent_hello_flag {
	PLAIT_AGENT_HELLO_WAIT = 1,   /* the process waits for an answer */
	PLAIT_AGENT_HELLO_FORKED = 2, /* it runs its parent's image, whose plans it has */
};

struct plait_agent_hello {
	plait_u32 magic;
	plait_u32 flags;
	plait_u32 pid, parent; /* in the process's own pid namespace */
	plait_u64 time;	       /* ns CLOCK_MONOTONIC: when the process began */
};

/* First page of the ring. Whoever writes a field is named. */
struct plait_agent_page {
	plait_u32 magic;	 /* agent */
	plait_u32 data_size;	 /* agent */
	_Atomic plait_u64 head;	 /* agent: bytes given to writers since the start */
	_Atomic plait_u64 tail;	 /* recorder: bytes read */
	_Atomic plait_u64 lost;	 /* agent: samples that found no room */
	_Atomic plait_u32 stop;	 /* recorder: 1: the recording is over, stop the timers */
	_Atomic plait_u32 plans; /* recorder: even: the plans may be read; odd: they are being written */
	plait_u32 plan_count;	 /* recorder */
	plait_u32 pad;
	plait_u8 plan[PLAIT_AGENT_PLANS][PLAIT_AGENT_PLAN_SIZE] __attribute__((aligned(8))); /* recorder */
};

enum plait_agent_record_kind {
	PLAIT_AGENT_SAMPLE = 1,
	PLAIT_AGENT_CODE, /* struct plait_wire_code, cut to what is present */
	PLAIT_AGENT_MAPS, /* the executable mappings: lines as in /proc/self/maps */
};

/* Start of every record, at multiples of 8 bytes. */
struct plait_agent_record {
	_Atomic plait_u64 commit; /* plait_agent_commit() of the record's position: the record is whole */
	plait_u32 kind;
	plait_u32 size; /* in all, a multiple of 8 */
	plait_u32 body; /* bytes behind this header that mean something */
	plait_u32 pad;
};

/* Body of PLAIT_AGENT_SAMPLE: this, then frame_count struct plait_wire_frame, then stack_size bytes of stack from sp
 * on. */
struct plait_agent_sample {
	plait_u64 time;	  /* ns CLOCK_MONOTONIC */
	plait_u64 weight; /* ns of CPU time since the thread's sample before */
	plait_u32 tid;	  /* in the process's own pid namespace */
	plait_u32 walk;	  /* enum plait_walk_status */
	plait_u32 per_frame, frame_count;
	plait_u32 stack_size, stack_whole;
	plait_u64 stack_address;
	plait_u64 valid; /* bit n: registers[n] is known */
	plait_u64 registers[PLAIT_AGENT_REGISTERS];
	char name[16]; /* the thread's, as prctl(PR_GET_NAME) has it */
};

/* Positions are never used twice, so a record that was not written cannot look like one that was. */
static inline plait_u64 plait_agent_commit(plait_u64 position)
{
	return (position + 1) * 0x9e3779b97f4a7c15ULL;
}

#endif
