#include "python_unwind/outside/walk_process.h"

#include <assert.h>
#include <string.h>

typedef const struct plait_memory *plait_walk_memory;

static inline int plait_walk_read(plait_walk_memory memory, void *to, uint32_t size, uint64_t address)
{
	/* The buffers hold 8 * PLAIT_WALK_WORDS bytes; a plan asks for at most half of that. */
	return size > 256 || !plait_memory_read(memory, address, to, size);
}

static inline int plait_walk_read_some(plait_walk_memory memory, void *to, uint64_t size, uint64_t mask,
				       uint64_t address)
{
	(void)mask;
	return !plait_memory_read(memory, address, to, size);
}

#include "python_unwind/walk.h"
#include "python_unwind/walk/code_copy.h"

/* Both describe one frame; the wire form has the types that the BPF program may use. */
static_assert(sizeof(struct plait_python_frame) == sizeof(struct plait_wire_frame), "one layout");
static_assert(offsetof(struct plait_python_frame, anchor) == offsetof(struct plait_wire_frame, anchor), "one layout");
static_assert(offsetof(struct plait_python_frame, lasti) == offsetof(struct plait_wire_frame, lasti), "one layout");
static_assert(offsetof(struct plait_python_frame, kind) == offsetof(struct plait_wire_frame, kind), "one layout");

void plait_python_walk(const struct plait_walk_plan *plan, const struct plait_memory *memory, uint64_t tp,
		       struct plait_python_frame *frames, size_t max, struct plait_python_chain *ret)
{
	struct plait_wire_frame *wire = (struct plait_wire_frame *)frames;
	struct plait_walk walk = { .plan = *plan, .tp = tp };
	if (max > UINT32_MAX / 2)
		max = UINT32_MAX / 2;
	uint64_t heads[2] = { 0 };
	if (plait_walk_begin(memory, &walk)) {
		heads[0] = walk.walked[0] + plan->tstate_frame;
		if (plait_walk_has_cframe(&walk)) /* of the first chain: its innermost activation's */
			heads[1] = walk.cframe + plan->cframe_current_frame;
		struct plait_wire_frame frame;
		for (;;) {
			enum plait_walk_step step = plait_walk_step(memory, &walk, &frame);
			if (step == PLAIT_STEP_END)
				break;
			if (step != PLAIT_STEP_FRAME)
				continue;
			if (walk.count > max) {
				walk.count = (uint32_t)max;
				walk.status = PLAIT_WALK_TOO_DEEP;
				break;
			}
			wire[walk.count - 1] = frame;
		}
		plait_walk_finish(&walk, wire, (uint32_t)max);
	}
	*ret = (struct plait_python_chain) {
		.frames = frames,
		.count = walk.count,
		.status = walk.status,
		.heads = { heads[0], heads[1] },
		.per_frame = plan->shape <= PLAIT_SHAPE_FRAME_OBJECT_CFRAME,
	};
}

bool plait_python_copy_code(const struct plait_walk_plan *plan, const struct plait_memory *memory,
			    const struct plait_python_frame *frame, struct plait_wire_code *ret)
{
	struct plait_walk walk = { .plan = *plan };
	struct plait_wire_frame wire = { .code = frame->code, .fingerprint = frame->fingerprint };
	return plait_walk_copy_code(memory, &walk, &wire, ret);
}

bool plait_python_walk_is_attached(const struct plait_walk_plan *plan, const struct plait_memory *memory, uint64_t tp)
{
	struct plait_walk walk = { .plan = *plan, .tp = tp };
	struct plait_walk_gilstate gilstate = { 0 };
	if (plan->runtime_tstate_current)
		plait_walk_read_gilstate(memory, &walk, &gilstate);
	return plait_walk_fetch_tstate(memory, &walk, plait_walk_active_tstate(memory, &walk, &gilstate));
}
