/*
 * The stage that copies code objects at first sight: short-lived ones (exec, templates, bodies of imported modules) are
 * freed before user space can look.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_NAMES_STAGE_H
#define PLAIT_PYTHON_UNWIND_BPF_NAMES_STAGE_H

#define NAMES_MAX 128	   /* code objects copied by one stage */
#define NAMES_BOUNDED 32   /* the same in a bounded loop */
#define NAMES_CALLS_MAX 12 /* no more are copied after so many tail calls: there are frames and stack to send */

/* Sends the code object of a frame, unless it was just sent. False when the ring is full. */
static inline bool send_code(plait_context *ctx, struct scratch *s, const struct plait_wire_frame *frame)
{
	struct sampler_code_key key;
	plait_u32 tries;
	code_key(s, frame, &key);
	if (is_seen(&key, &tries))
		return true;
	tries = plait_walk_copy_code(NULL, &s->walk, frame, &s->code.body) ? SAMPLER_SEEN_WHOLE : tries + 1;
	s->code.body.pid = s->run.header.pid;
	plait_u64 size = sizeof(struct plait_wire_code) - PLAIT_WIRE_TABLE_MAX +
			 BOUNDED(s->code.body.table_size, 2 * PLAIT_WIRE_TABLE_MAX - 1);
	fill_header(s, &s->code.header, PLAIT_WIRE_CODE, size);
	if (!emit(ctx, s, &s->code.header, sizeof(s->code.header) + size))
		return false;
	bpf_map_update_elem(&seen, &key, &tries, BPF_ANY);
	if (tries < SAMPLER_SEEN_TRIES)
		s->salt++; /* it is to be looked at again */
	return true;
}

/* Sends the next code object of the list. False when there is none, or the ring is full. */
static inline bool send_next(struct repeat *repeat)
{
	struct scratch *s = repeat->scratch;
	if (s->unseen_next >= s->unseen_count)
		return false;
	plait_u64 at = s->unseen[BOUNDED(s->unseen_next++, FRAMES_MAX - 1)];
	const struct plait_wire_frame *frame = &s->run.frames[BOUNDED(at, FRAMES_MAX - 1)];
	repeat->failed = !send_code(repeat->ctx, s, frame);
	return !repeat->failed;
}
DEFINE_REPEAT(send_next)

static inline int run_stage_names(plait_context *ctx, enum loop_kind loops)
{
	struct scratch *s = scratch_get();
	if (!s)
		return 0;
	struct repeat repeat = { .ctx = ctx, .scratch = s };
	repeat_send_next(loops, loops == LOOP_BOUNDED ? NAMES_BOUNDED : NAMES_MAX, &repeat);
	if (repeat.failed)
		return drop(s);
	if (s->unseen_next < s->unseen_count) {
		if (s->calls < NAMES_CALLS_MAX)
			return enter(ctx, s, STAGE_NAMES);
		s->salt++; /* the rest: when it is seen again */
	}
	return send_chunk(ctx, s);
}
DEFINE_STAGE(stage_names)

#endif
