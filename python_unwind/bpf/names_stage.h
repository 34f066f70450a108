/*
 * The stage that copies code objects at first sight: short-lived ones (exec, templates, bodies of imported modules) are
 * freed before user space can look.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_NAMES_STAGE_H
#define PLAIT_PYTHON_UNWIND_BPF_NAMES_STAGE_H

#define NAMES_MAX 128	      /* code objects copied by one stage */
#define NAMES_BOUNDED 32      /* the same in a bounded loop */
#define NAMES_CALLS_MAX 12    /* no more are copied after so many tail calls: there are frames and stack to send */
#define SANE_LENGTH (1 << 30) /* of a string or bytes object */

/* Copies the str object whose address is at `offset` of the code object. False when some of it could not be read. */
static inline bool copy_string(struct scratch *s, plait_u32 offset, struct plait_wire_string *to)
{
	const struct plait_walk_plan *plan = &s->walk.plan;
	to->kind = to->ascii = 0;
	to->size = 0;
	to->length = 0;
	to->object = 0;
	if (offset == PLAIT_NO_OFFSET)
		return true;
	to->object = plait_walk_u64(s->walk.code_words, offset);
	if (plait_walk_read(NULL, s->walk.words, plan->unicode_ascii_data, to->object))
		return false;
	plait_u64 length = plait_walk_u64(s->walk.words, plan->unicode_length);
	plait_u32 state = plait_walk_u32(s->walk.words, plan->unicode_state);
	plait_u32 kind = state >> (plan->unicode_kind_shift & 31) & 7;
	bool ascii = state >> (plan->unicode_ascii_shift & 31) & 1;
	if (!(state >> (plan->unicode_compact_shift & 31) & 1) || length > SANE_LENGTH ||
	    (kind != 1 && kind != 2 && kind != 4))
		return false;
	plait_u64 size = length * kind;
	if (size > PLAIT_WIRE_STRING_MAX)
		size = PLAIT_WIRE_STRING_MAX;
	plait_u64 data = to->object + (ascii ? plan->unicode_ascii_data : plan->unicode_compact_data);
	if (bpf_probe_read_user(to->text, BOUNDED(size, 2 * PLAIT_WIRE_STRING_MAX - 1), (const void *)data))
		return false;
	to->length = length;
	to->kind = kind;
	to->ascii = ascii;
	to->size = size;
	return true;
}

/* Copies the line table. False when it could not be read. */
static inline bool copy_table(struct scratch *s)
{
	const struct plait_walk_plan *plan = &s->walk.plan;
	struct plait_wire_code *to = &s->code.body;
	plait_u64 total = 0;
	to->table_object = plait_walk_u64(s->walk.code_words, plan->code_linetable);
	to->table_total = to->table_size = 0;
	if (plait_walk_read(NULL, &total, sizeof(total), to->table_object + plan->bytes_size) || total > SANE_LENGTH)
		return false;
	to->table_total = total;
	plait_u64 size = total < PLAIT_WIRE_TABLE_MAX ? total : PLAIT_WIRE_TABLE_MAX;
	if (bpf_probe_read_user(to->table, BOUNDED(size, 2 * PLAIT_WIRE_TABLE_MAX - 1),
				(const void *)(to->table_object + plan->bytes_data)))
		return false;
	to->table_size = size;
	return true;
}

/* Fills s->code with the code object of `frame`. False when something of it could not be read. */
static inline bool copy_code(struct scratch *s, const struct plait_wire_frame *frame)
{
	const struct plait_walk_plan *plan = &s->walk.plan;
	struct plait_wire_code *to = &s->code.body;
	to->pid = s->head.body.pid;
	to->code = frame->code;
	to->fingerprint = frame->fingerprint;
	to->runtime = plan->runtime;
	if (plait_walk_read(NULL, s->walk.code_words, plan->code_size, frame->code))
		__builtin_memset(s->walk.code_words, 0, sizeof(s->walk.code_words));
	to->first_line = plait_walk_u32(s->walk.code_words, plan->code_first_line);
	bool whole = copy_string(s, plan->code_filename, &to->filename);
	whole &= copy_string(s, plan->code_name, &to->name);
	whole &= copy_string(s, plan->code_qualname, &to->qualname);
	whole &= copy_table(s);
	return whole;
}

/* Sends the code object of a frame, unless it was just sent. False when the ring is full. */
static inline bool send_code(plait_context *ctx, struct scratch *s, const struct plait_wire_frame *frame)
{
	struct sampler_code_key key;
	plait_u32 tries;
	code_key(s, frame, &key);
	if (is_seen(&key, &tries))
		return true;
	tries = copy_code(s, frame) ? SAMPLER_SEEN_WHOLE : tries + 1;
	plait_u64 size = sizeof(struct plait_wire_code) - PLAIT_WIRE_TABLE_MAX +
			 BOUNDED(s->code.body.table_size, 2 * PLAIT_WIRE_TABLE_MAX - 1);
	if (!emit(ctx, s, &s->code.header, PLAIT_WIRE_CODE, size))
		return false;
	bpf_map_update_elem(&seen, &key, &tries, BPF_ANY);
	if (tries < SAMPLER_SEEN_TRIES)
		s->salt++; /* it is to be looked at again */
	return true;
}

/* Sends the next code object of the list. False when there is none, or the ring is full. */
static inline bool send_next(struct repeat *repeat)
{
	struct scratch *s = scratch_get();
	if (!s || s->unseen_next >= s->unseen_count)
		return false;
	plait_u64 at = s->unseen[BOUNDED(s->unseen_next++, FRAMES_MAX - 1)];
	repeat->failed = !send_code(repeat->ctx, s, &s->frames.frames[BOUNDED(at, FRAMES_MAX - 1)]);
	return !repeat->failed;
}
DEFINE_REPEAT(send_next)

static inline int run_stage_names(plait_context *ctx, enum loop_kind loops)
{
	struct scratch *s = scratch_get();
	if (!s)
		return 0;
	struct repeat repeat = { .ctx = ctx };
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
