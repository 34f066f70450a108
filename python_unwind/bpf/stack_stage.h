/*
 * The last stage: copies the user stack and ends the run.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_STACK_STAGE_H
#define PLAIT_PYTHON_UNWIND_BPF_STACK_STAGE_H

#define PAGE 4096
#define STACK_STEPS 320 /* reads: 1 MiB of single pages, and the chunks that were tried before */

/* Where stack is copied to: behind the frames that go with the head. */
static inline struct stack_record *stack_record(struct scratch *s)
{
	plait_u64 offset = offsetof(struct run_record, frames) + s->unsent * sizeof(struct plait_wire_frame);
	return (struct stack_record *)((char *)&s->run + BOUNDED(offset, STACK_OFFSET_MASK));
}

/* Fills in what is in front of the bytes that were copied, those before s->stack_at. */
static inline void fill_stack(struct scratch *s, struct stack_record *record, plait_u64 size)
{
	fill_header(s, &record->header, PLAIT_WIRE_STACK, sizeof(record->body) + size);
	record->body.address = s->stack_at - size;
}

/* Sends what was copied, to make room. */
static inline bool send_run(plait_context *ctx, struct scratch *s)
{
	struct stack_record *record = stack_record(s);
	plait_u64 size = BOUNDED(s->stack_run, STACK_LENGTH_MASK);
	fill_stack(s, record, size);
	s->stack_run = 0;
	return !size || emit(ctx, s, &record->header, sizeof(*record) + size);
}

/* One read: a chunk, or after a failed one its pages, of which those that are not there leave holes. False when the
 * ring is full. */
static inline bool copy_step(plait_context *ctx, struct scratch *s)
{
	bool paged = s->stack_at < s->stack_paged;
	plait_u64 size = paged ? PAGE - s->stack_at % PAGE : STACK_CHUNK;
	if (size > s->stack_end - s->stack_at)
		size = s->stack_end - s->stack_at;
	if (s->stack_run + size > STACK_CHUNK && !send_run(ctx, s))
		return false;
	plait_u64 run = BOUNDED(s->stack_run, STACK_LENGTH_MASK);
	plait_u8 *to = (plait_u8 *)(stack_record(s) + 1) + run;
	if (!bpf_probe_read_user(to, BOUNDED(size, STACK_LENGTH_MASK), (const void *)s->stack_at)) {
		s->stack_at += size;
		s->stack_run = run + size;
		return true;
	}
	if (!paged) {
		s->stack_paged = s->stack_at + size;
		return true;
	}
	if (!send_run(ctx, s))
		return false;
	if (s->run.head.stack_end)
		s->stack_at += size;
	else
		s->stack_end = s->stack_at; /* an unknown stack ends at the first page that is not there */
	return true;
}

/* Copies the next piece. False at the end, or when the ring is full. */
static inline bool copy_next(struct repeat *repeat)
{
	struct scratch *s = repeat->scratch;
	if (s->stack_at >= s->stack_end)
		return false;
	repeat->failed = !copy_step(repeat->ctx, s);
	return !repeat->failed;
}
DEFINE_REPEAT(copy_next)

/* Sends the head and all that goes with it: it lies one behind the other. */
static inline bool send_head(plait_context *ctx, struct scratch *s)
{
	struct run_record *run = &s->run;
	plait_u64 frames = BOUNDED(s->unsent, 2 * FRAMES_MAX - 1), stack = BOUNDED(s->stack_run, STACK_LENGTH_MASK);
	plait_u64 size = offsetof(struct run_record, registers_header);
	fill_header(s, &run->header, PLAIT_WIRE_HEAD, sizeof(run->head));
	if (run->head.sp) {
		fill_header(s, &run->registers_header, PLAIT_WIRE_REGISTERS, sizeof(run->registers));
		fill_header(s, &run->frames_header, PLAIT_WIRE_FRAMES, frames * sizeof(struct plait_wire_frame));
		fill_stack(s, stack_record(s), stack);
		size = offsetof(struct run_record, frames) + frames * sizeof(struct plait_wire_frame) +
		       sizeof(struct stack_record) + stack;
	}
	return emit(ctx, s, &run->header, BOUNDED(size, 0xffff));
}

static inline int run_stage_stack(plait_context *ctx, enum loop_kind loops)
{
	struct scratch *s = scratch_get();
	if (!s)
		return 0;
	struct plait_wire_head *head = &s->run.head;
	plait_u64 known = head->stack_end;
	s->stack_run = 0;
	s->stack_at = head->sp;
	s->stack_end = known ? known : head->sp ? head->sp + PLAIT_STACK_UNKNOWN : 0;
	if (s->stack_end - s->stack_at > stack_limit)
		s->stack_end = s->stack_at + stack_limit;
	s->stack_paged = known ? 0 : s->stack_end;
	struct repeat repeat = { .ctx = ctx, .scratch = s };
	repeat_copy_next(loops, STACK_STEPS, &repeat);
	if (repeat.failed)
		return drop(s);
	head->stack_whole = known && s->stack_at >= known;
	if (!send_head(ctx, s))
		return drop(s);
	s->busy = 0;
	return head->period == 0;
}
DEFINE_STAGE(stage_stack)

#endif
