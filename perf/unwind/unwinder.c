#include "perf/unwind/unwinder.h"

#include <stdlib.h>

#include "perf/unwind/walk.h"

struct plait_error *plait_unwinder_create(struct plait_unwinder **ret)
{
	struct plait_unwinder *unwinder = calloc(1, sizeof(*unwinder));
	if (!unwinder)
		return plait_error_no_memory();
	unwinder->arch = plait_unwind_arch_native();
	if (!plait_rule_pool_init(&unwinder->pool)) {
		plait_unwinder_destroy(unwinder);
		return plait_error_no_memory();
	}
	*ret = unwinder;
	return NULL;
}

void plait_unwinder_destroy(struct plait_unwinder *unwinder)
{
	if (!unwinder)
		return;
	for (size_t i = 0; i < unwinder->files.capacity; i++) {
		if (unwinder->files.slots[i].used)
			plait_file_rules_destroy((struct plait_file_rules *)(uintptr_t)unwinder->files.slots[i].value);
	}
	plait_map_release(&unwinder->files);
	plait_rule_cache_release(&unwinder->cache);
	plait_simple_rules_release(&unwinder->simple);
	plait_rule_pool_release(&unwinder->pool);
	plait_evaluators_release(&unwinder->evaluators);
	free(unwinder);
}

void plait_unwinder_prepare(struct plait_unwinder *unwinder, const struct plait_unwind_place *place, uint64_t address)
{
	plait_unwinder_rule(unwinder, place, address);
}

/* Why the last step failed for good. */
static enum plait_unwind_end failure(const struct plait_walk *walk)
{
	const struct plait_stack *stack = walk->input->stack;
	if (!walk->fault || stack->whole)
		return PLAIT_UNWIND_BROKEN;
	const struct plait_stack_piece *last = stack->count ? &stack->pieces[stack->count - 1] : NULL;
	/* A word that lies only partly in the copy is cut off too. */
	bool beyond = !last || walk->fault + 7 >= last->address + last->size;
	return beyond ? PLAIT_UNWIND_TRUNCATED : PLAIT_UNWIND_BROKEN;
}

static enum plait_unwind_end run(struct plait_walk *walk)
{
	for (;;) {
		bool ended;
		switch (plait_walk_step(walk)) {
		case PLAIT_STEP_DONE:
			plait_walk_check_anchors(walk);
			break;
		case PLAIT_STEP_END:
			if (plait_walk_ended_early(walk))
				break;
			return PLAIT_UNWIND_COMPLETE;
		case PLAIT_STEP_FULL:
			return PLAIT_UNWIND_TOO_DEEP;
		case PLAIT_STEP_FAILED: {
			enum plait_unwind_end end = failure(walk);
			if (!plait_walk_bridge(walk, &ended))
				return end;
			if (ended)
				return PLAIT_UNWIND_COMPLETE;
			break;
		}
		}
	}
}

void plait_unwind(struct plait_unwinder *unwinder, const struct plait_unwind_input *input,
		  struct plait_native_stack *ret)
{
	const struct plait_unwind_arch *arch = unwinder->arch;
	uint64_t needed = 1ULL << arch->sp | 1ULL << arch->pc;
	*ret = (struct plait_native_stack) { .frames = unwinder->frames, .end = PLAIT_UNWIND_NONE };
	unwinder->statistics.samples++;
	if ((input->registers->valid & needed) != needed)
		return;
	struct plait_walk walk;
	plait_walk_start(&walk, unwinder, input);
	ret->end = run(&walk);
	ret->count = walk.count;
	if (ret->end != PLAIT_UNWIND_BROKEN)
		plait_walk_learn(&walk);
}

struct plait_unwind_statistics plait_unwinder_statistics(const struct plait_unwinder *unwinder)
{
	return unwinder->statistics;
}
