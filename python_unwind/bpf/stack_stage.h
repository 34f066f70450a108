/*
 * The last stage: copies the user stack and ends the run.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_STACK_STAGE_H
#define PLAIT_PYTHON_UNWIND_BPF_STACK_STAGE_H

#define PAGE 4096
#define STACK_STEPS 320 /* reads: 1 MiB of single pages, and the chunks that were tried before */

/* Sends what lies in s->stack.data, the bytes before s->stack_at. */
static inline bool send_run(plait_context *ctx, struct scratch *s)
{
	if (!s->stack_run)
		return true;
	plait_u64 size = BOUNDED(s->stack_run, STACK_LENGTH_MASK);
	s->stack.body.address = s->stack_at - size;
	s->stack_run = 0;
	return emit(ctx, s, &s->stack.header, PLAIT_WIRE_STACK, sizeof(s->stack.body) + size);
}

/* One read: a chunk, or after a failed one its pages, of which those that are not there leave holes. False when the
 * ring is full. */
static inline bool copy_step(plait_context *ctx, struct scratch *s)
{
	bool paged = s->stack_at < s->stack_paged;
	plait_u64 size = paged ? PAGE - s->stack_at % PAGE : STACK_CHUNK;
	if (size > s->stack_end - s->stack_at)
		size = s->stack_end - s->stack_at;
	plait_u64 run = BOUNDED(s->stack_run, STACK_LENGTH_MASK);
	if (!bpf_probe_read_user(s->stack.data + run, BOUNDED(size, STACK_LENGTH_MASK), (const void *)s->stack_at)) {
		s->stack_at += size;
		s->stack_run = run + size;
		if (s->stack_at < s->stack_paged && s->stack_run <= STACK_CHUNK - PAGE)
			return true;
		return send_run(ctx, s);
	}
	if (!paged) {
		s->stack_paged = s->stack_at + size;
		return true;
	}
	if (!send_run(ctx, s))
		return false;
	if (s->head.body.stack_end)
		s->stack_at += size;
	else
		s->stack_end = s->stack_at; /* an unknown stack ends at the first page that is not there */
	return true;
}

/* Copies the next piece. False at the end, or when the ring is full. */
static inline bool copy_next(struct repeat *repeat)
{
	struct scratch *s = scratch_get();
	if (!s || s->stack_at >= s->stack_end)
		return false;
	repeat->failed = !copy_step(repeat->ctx, s);
	return !repeat->failed;
}
DEFINE_REPEAT(copy_next)

static inline int run_stage_stack(plait_context *ctx, enum loop_kind loops)
{
	struct scratch *s = scratch_get();
	if (!s)
		return 0;
	struct plait_wire_head *head = &s->head.body;
	plait_u64 known = head->stack_end;
	s->stack_run = 0;
	s->stack_at = head->sp;
	s->stack_end = known ? known : head->sp ? head->sp + PLAIT_STACK_UNKNOWN : 0;
	if (s->stack_end - s->stack_at > stack_limit)
		s->stack_end = s->stack_at + stack_limit;
	s->stack_paged = known ? 0 : s->stack_end;
	struct repeat repeat = { .ctx = ctx };
	repeat_copy_next(loops, STACK_STEPS, &repeat);
	if (repeat.failed)
		return drop(s);
	if (!send_run(ctx, s))
		return drop(s);
	head->stack_whole = known && s->stack_at >= known;
	if (!emit(ctx, s, &s->head.header, PLAIT_WIRE_HEAD, sizeof(*head)))
		return drop(s);
	s->busy = 0;
	return 1;
}
DEFINE_STAGE(stage_stack)

#endif
