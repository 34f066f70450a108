/*
 * What the BPF sampler writes into the perf ring in front of each sample. Shared between the BPF program and user
 * space: this header may use only the fixed-width types below.
 *
 * For one run of the program, in this order, all on the same CPU and so adjacent in its ring, each the raw data of a
 * PERF_COUNT_SW_BPF_OUTPUT sample:
 *     PLAIT_WIRE_CODE       one for each code object that this process has not shown before
 *     PLAIT_WIRE_FRAMES     Python frames, in chunks, \ as far as they do not fit
 *     PLAIT_WIRE_STACK      pieces of the user stack,  / into what comes last:
 *     PLAIT_WIRE_HEAD       totals; then, unless there are no user registers, in the same raw data
 *                           PLAIT_WIRE_REGISTERS, the last PLAIT_WIRE_FRAMES and PLAIT_WIRE_STACK, which may be empty
 *     then the kernel's own PERF_RECORD_SAMPLE of the event, unless the head has a period.
 * The kernel writes nothing else into these samples but their event's id: what it adds costs as much as a short body.
 * Frames go from the innermost outwards, pieces of stack ascend. Each kind is a struct plait_wire_header, then the
 * body.
 */
#ifndef PLAIT_COMMON_SAMPLE_WIRE_H
#define PLAIT_COMMON_SAMPLE_WIRE_H

#ifdef __bpf__
typedef unsigned char plait_u8;
typedef unsigned short plait_u16;
typedef unsigned int plait_u32;
typedef int plait_s32;
typedef unsigned long long plait_u64;
#else
#include <stdint.h>
typedef uint8_t plait_u8;
typedef uint16_t plait_u16;
typedef uint32_t plait_u32;
typedef int32_t plait_s32;
typedef uint64_t plait_u64;
#endif

/* How the walk over the Python frames ended. */
enum plait_walk_status {
	PLAIT_WALK_NO_RUNTIME = 0, /* no CPython known in the process */
	PLAIT_WALK_NO_THREAD,	   /* the thread has no thread state: it never ran Python */
	PLAIT_WALK_COMPLETE,	   /* every frame was read and the end of the chain was proven */
	PLAIT_WALK_TOO_DEEP,	   /* the outermost frames are missing: more frames than are read at most */
	PLAIT_WALK_BROKEN,	   /* a check failed on the way; the frames read so far must not be shown as exact */
	PLAIT_WALK_LOST,	   /* the frames were read but did not reach us */
};

enum plait_python_frame_kind {
	PLAIT_PYTHON_FRAME = 0, /* runs Python code: `code` and `lasti` are set */
	PLAIT_PYTHON_ENTRY,	/* ends an activation of the evaluator: only `address` is set (3.12+: shim frame) */
};

enum plait_wire_kind {
	PLAIT_WIRE_HEAD = 1,
	PLAIT_WIRE_FRAMES,
	PLAIT_WIRE_STACK,
	PLAIT_WIRE_CODE,
	PLAIT_WIRE_REGISTERS,
};

#define PLAIT_WIRE_OF_PROBE 1 /* in `sequence`: a run of a probe's program */

struct plait_wire_header {
	plait_u32 kind;	    /* enum plait_wire_kind */
	plait_u32 size;	    /* bytes of the body that follows; the kernel may pad after the last */
	plait_u64 sequence; /* counts program runs on this CPU, in steps of 2; equal in all records of one run */
	plait_u32 pid;	    /* tgid, in the recorder's pid namespace, as tid */
	plait_u32 tid;
	plait_u64 time; /* when the run began, ns of CLOCK_MONOTONIC */
};

/* Body of PLAIT_WIRE_HEAD. */
struct plait_wire_head {
	plait_u64 ip; /* user registers at the sample */
	plait_u64 sp;
	plait_u64 tp;	       /* thread pointer (fsbase) */
	plait_u64 stack_end;   /* where the thread's stack starts (its highest address); 0: unknown */
	plait_u32 walk;	       /* enum plait_walk_status */
	plait_u32 frame_count; /* frames in all PLAIT_WIRE_FRAMES of this run */
	plait_u32 per_frame;   /* 1: one activation a Python frame (3.8 to 3.10) */
	plait_u16 stack_whole; /* 1: the copy reaches stack_end */
	plait_u16 in_exec;     /* 1: in the middle of an exec: user registers are those of the program before */
	plait_u64 period;      /* not 0: a hit in user mode of the only event, which says nothing else. There is no
				* sample of the kernel's, which would cost as much again */
};

/* Body of PLAIT_WIRE_REGISTERS: 64 bit words, the user registers at the sample in the order of DWARF's numbers, as many
 * as fit header.size (common/sample.h). */

/* Body of PLAIT_WIRE_FRAMES: frames, as many as fit header.size; the same layout as struct plait_python_frame, which it
 * may alias. */
struct __attribute__((may_alias)) plait_wire_frame {
	plait_u64 code;
	plait_u64 fingerprint;
	plait_u64 address;
	plait_u64 anchor;
	plait_s32 lasti;
	plait_u32 kind;
};

/* Body of PLAIT_WIRE_STACK: this, then `size - 8` bytes of stack. */
struct plait_wire_stack {
	plait_u64 address;
};

#define PLAIT_WIRE_STRING_MAX 512 /* bytes of a string object's characters that are copied */
#define PLAIT_WIRE_TABLE_MAX 8192 /* bytes of a line table that are copied */
#define PLAIT_WIRE_TABLE_UNKNOWN 0xffffffff

/* A Python str: its characters as stored (1, 2 or 4 bytes each). */
struct plait_wire_string {
	plait_u32 length; /* in code points */
	plait_u8 kind;	  /* bytes a code point: 1, 2, 4; 0: could not be read */
	plait_u8 ascii;
	plait_u16 size;	  /* bytes present in `text`, cut to PLAIT_WIRE_STRING_MAX */
	plait_u64 object; /* its address, for completing a cut one */
	plait_u8 text[PLAIT_WIRE_STRING_MAX];
};

/* Body of PLAIT_WIRE_CODE; `table` is cut to what is present. */
struct plait_wire_code {
	plait_u32 pid;
	plait_s32 first_line;
	plait_u64 code;
	plait_u64 fingerprint;
	struct plait_wire_string filename;
	struct plait_wire_string name;
	struct plait_wire_string qualname; /* kind 0 before 3.11 */
	plait_u64 runtime;		   /* address of the _PyRuntime that it belongs to */
	plait_u64 table_object;
	plait_u32 table_total; /* the table's real size, 0 for code on one line (3.8, 3.9); PLAIT_WIRE_TABLE_UNKNOWN: it
				* could not be read */
	plait_u32 table_size;  /* bytes present in `table` */
	plait_u8 table[PLAIT_WIRE_TABLE_MAX];
};

#endif
