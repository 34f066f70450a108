/*
 * A sample as an engine hands it over: what one thread was doing at one instant. Plain data, valid only during the
 * call that delivers it; nothing in it is owned.
 */
#ifndef PLAIT_COMMON_SAMPLE_H
#define PLAIT_COMMON_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/sample_wire.h" /* enum plait_walk_status, enum plait_python_frame_kind */

/* Register numbers are those of DWARF for the architecture (x86-64 psABI, figure 3.36: 0 rax, 1 rdx, 2 rcx, 3 rbx,
 * 4 rsi, 5 rdi, 6 rbp, 7 rsp, 8..15, 16 return address = rip; AArch64 has 31 sp, 32 pc). */
#define PLAIT_REGISTER_COUNT 33

struct plait_registers {
	uint64_t value[PLAIT_REGISTER_COUNT];
	uint64_t valid; /* bit n: value[n] is known */
};

/* One contiguous piece of a copied stack. */
struct plait_stack_piece {
	uint64_t address;
	const uint8_t *data;
	size_t size;
};

/* The copied user stack: pieces in ascending order of address, holes (pages never touched) between them possible. */
struct plait_stack {
	const struct plait_stack_piece *pieces;
	size_t count;
	bool whole; /* reaches the start of the thread's stack: nothing outer was cut off */
};

/* Reads 8 bytes of the copied stack; false when they were not copied. */
static inline bool plait_stack_u64(const struct plait_stack *stack, uint64_t address, uint64_t *ret)
{
	for (size_t i = 0; i < stack->count; i++) {
		const struct plait_stack_piece *piece = &stack->pieces[i];
		if (address >= piece->address && address - piece->address + 8 <= piece->size) {
			memcpy(ret, piece->data + (address - piece->address), 8);
			return true;
		}
	}
	return false;
}

/*
 * One step of the CPython frame chain, innermost first. Frames up to and with the next one that has an anchor belong to
 * the same activation of the evaluator.
 *   3.12+      PLAIT_PYTHON_ENTRY with anchor = the shim frame's address, after the frames of its activation
 *   3.11       the activation's last frame (is_entry) carries anchor = its CFrame
 *   3.10       every frame carries anchor = its CFrame
 *   3.8, 3.9   no anchors (0); every frame is an activation; `address` is the PyFrameObject
 */
struct plait_python_frame {
	uint64_t code;	      /* address of the code object */
	uint64_t fingerprint; /* tells code objects at the same address apart: co_version, or a mix of its pointers */
	uint64_t address;     /* of the frame itself */
	uint64_t anchor;      /* address on the C stack inside the evaluator's native frame; 0: none */
	int32_t lasti;	      /* byte offset of the running instruction in the bytecode; < 0: not started */
	uint32_t kind;	      /* enum plait_python_frame_kind */
};

struct plait_python_chain {
	const struct plait_python_frame *frames; /* innermost first */
	size_t count;
	enum plait_walk_status status;
	bool per_frame; /* one activation a Python frame (3.8 to 3.10) */
	/* Read from outside: the words that change with the innermost frame. [0] in the thread state, [1] on the C
	 * stack (3.11 and 3.12, where both are needed: it holds the frame's address); 0: none. */
	uint64_t heads[2];
	bool checked; /* read after the sample, and known to have stood at its instant too */
	bool settled; /* with `checked`: and none was called or left meanwhile */
};

/* A counter of the sample's group: how far it came since the thread's sample before. */
struct plait_sample_read {
	uint32_t event; /* index into the source's events */
	uint64_t value; /* in the event's unit, not scaled */
};

struct plait_sample {
	uint64_t time; /* ns, CLOCK_MONOTONIC */
	uint32_t pid;  /* process (tgid), in the recorder's pid namespace */
	uint32_t tid;
	uint32_t event;	  /* index into the source's events */
	uint64_t period;  /* what this sample stands for, in the event's unit (ns for clocks, else counts) */
	uint64_t ip;	  /* where the event fired, kernel or user */
	uint64_t address; /* data address of the event, 0 when it has none */
	bool has_address;
	bool exact_ip; /* `ip` is the very instruction: no skid */
	bool has_data_source;
	uint64_t data_source; /* union perf_mem_data_src of <linux/perf_event.h> */
	uint64_t latency;     /* cycles that the access took (PERF_SAMPLE_WEIGHT_STRUCT, var1_dw); 0: not known */
	const struct plait_sample_read *reads; /* of a group with :S: the leader and each member; else none */
	size_t read_count;
	bool kernel_mode;	      /* `ip` is in the kernel */
	const uint64_t *kernel_chain; /* innermost first; empty in user mode */
	size_t kernel_count;
	struct plait_registers registers; /* user registers; valid == 0: a kernel thread, or a process of another ABI */
	struct plait_stack stack;
	struct plait_python_chain python;
};

#endif
