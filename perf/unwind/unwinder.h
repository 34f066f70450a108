/*
 * Native unwinding of one sample: registers and a stack copy in, native frames out. A pure function of its inputs and
 * of the modules' unwind tables; it reads no process.
 *
 * Rules come from `.eh_frame` / `.debug_frame` through libdw, or, for code without a table, from the function's
 * prologue decoded with capstone (checked by the call in front of the return address). They are cached by
 * (file, address). What neither gives is bridged to the next anchor with one GAP flag.
 */
#ifndef PLAIT_PERF_UNWIND_UNWINDER_H
#define PLAIT_PERF_UNWIND_UNWINDER_H

#include "common/error.h"
#include "common/frame.h"
#include "common/module.h"
#include "common/sample.h"

/* Where a pc lies, as the unwinder's caller answers it. */
struct plait_unwind_place {
	uint32_t module;      /* returned in plait_native_frame.module; stable for the file */
	uint64_t bias;	      /* pc - bias = ELF virtual address */
	const uint8_t *image; /* the ELF file's bytes, valid while the unwinder lives; NULL: no ELF file (JIT code) */
	size_t image_size;
	uint64_t start, end; /* of the mapping */
};

struct plait_unwind_input {
	const struct plait_registers *registers;
	const struct plait_stack *stack;
	/* Addresses on the C stack known to lie inside evaluator frames (plait_python_frame.anchor), ascending. */
	const uint64_t *anchors;
	size_t anchor_count;
	/* Finds the executable mapping of `pc`; false when there is none. */
	bool (*find)(void *context, uint64_t pc, struct plait_unwind_place *ret);
	/* Reads 8 bytes of code or data of the process outside the stack copy (JIT stubs, vdso); may be NULL. */
	bool (*read)(void *context, uint64_t address, void *ret, size_t size);
	void *context;
};

/* Counters since create, for `record`'s summary and benchmarks. */
struct plait_unwind_statistics {
	uint64_t samples, steps, cache_hits, rules_from_table, rules_from_prologue, gaps;
};

struct plait_unwinder;

struct plait_error *plait_unwinder_create(struct plait_unwinder **ret);
/* NULL is allowed. */
void plait_unwinder_destroy(struct plait_unwinder *unwinder);

/* Finds the rule at `address`, an ELF virtual address of the place's file, before a sample waits for it: where there is
 * no table, all of the file's code may have to be read first. */
void plait_unwinder_prepare(struct plait_unwinder *unwinder, const struct plait_unwind_place *place, uint64_t address);

/* Unwinds. The frames in `ret` belong to the unwinder and are valid until the next call. Never fails: what could not
 * be done is in ret->end and in the frames' flags. */
void plait_unwind(struct plait_unwinder *unwinder, const struct plait_unwind_input *input,
		  struct plait_native_stack *ret);

struct plait_unwind_statistics plait_unwinder_statistics(const struct plait_unwinder *unwinder);

#endif
