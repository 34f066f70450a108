/*
 * The stage that walks Python frames, FRAMES_MAX at a time.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_WALK_STAGE_H
#define PLAIT_PYTHON_UNWIND_BPF_WALK_STAGE_H

#define CALLS_MAX 30 /* tail calls; what is left is for the stack */

static inline enum plait_walk_step walk_frame(struct scratch *s, struct plait_wire_frame *ret)
{
	enum plait_walk_step step = plait_walk_step(NULL, &s->walk, ret);
	if (step == PLAIT_STEP_END)
		s->walking = 0;
	else if (step == PLAIT_STEP_SKIP)
		s->relist |= s->walk.repaired;
	return step;
}

/* Walks several frames, so that what is done once counts little. False when the chunk has no room for as many, or the
 * chain has ended. */
static inline bool walk_frames(struct repeat *repeat)
{
	struct scratch *s = repeat->scratch;
	plait_u64 at = BOUNDED(s->walk.count - s->walk.flushed, 2 * FRAMES_MAX - 1);
	if (at > FRAMES_MAX - WALKED_AT_ONCE)
		return false;
	struct plait_wire_frame *frame = &s->run.frames[at];
#pragma clang loop unroll(disable)
	for (plait_u64 i = 0; i < WALKED_AT_ONCE; i++, frame++) {
		enum plait_walk_step step = walk_frame(s, frame);
		if (step != PLAIT_STEP_FRAME)
			return step != PLAIT_STEP_END;
		if (s->walk.code != s->listed)
			list_code(s, at + i, frame);
	}
	return true;
}
DEFINE_REPEAT(walk_frames)

/* For verifiers that follow the loop: what is done in one loop takes them as long as the product of what is done. */
static inline bool walk_only(struct repeat *repeat)
{
	struct scratch *s = repeat->scratch;
	plait_u64 at = BOUNDED(s->walk.count - s->walk.flushed, FRAMES_MAX - 1);
	return walk_frame(s, &s->run.frames[at]) != PLAIT_STEP_END && s->walk.count - s->walk.flushed < FRAMES_BOUNDED;
}
DEFINE_REPEAT(walk_only)

/* Walks until the chunk is full or the chain ends. */
static inline void walk_chunk(struct scratch *s, enum loop_kind loops)
{
	struct plait_walk *walk = &s->walk;
	s->unseen_count = s->unseen_next = 0;
	s->listed = NO_CODE;
	s->relist = 0;
	if (!s->walking)
		s->walking = plait_walk_begin(NULL, walk);
	struct repeat repeat = { .scratch = s };
	if (s->walking && loops == LOOP_BOUNDED)
		repeat_walk_only(loops, FRAMES_BOUNDED, &repeat);
	else if (s->walking)
		repeat_walk_frames(loops, FRAMES_MAX, &repeat);
	if (loops == LOOP_BOUNDED || s->relist)
		list_codes(s, loops);
	if (s->walking && s->calls >= CALLS_MAX) {
		walk->status = PLAIT_WALK_TOO_DEEP;
		s->walking = 0;
	}
	if (!s->walking)
		plait_walk_finish(walk, s->run.frames, FRAMES_MAX);
}

/* Is there another runtime to be walked? Makes it the next one. */
static inline bool next_runtime(struct scratch *s)
{
	struct sampler_runtime_key key = { .tgid = s->owner, .slot = ++s->slot };
	const struct sampler_runtime *runtime = bpf_map_lookup_elem(&runtimes, &key);
	if (!runtime || s->slot >= SAMPLER_RUNTIMES_MAX)
		return false;
	use_runtime(s, runtime);
	return true;
}

/* Sends the chunk. False when the ring is full. */
static inline bool send_frames(plait_context *ctx, struct scratch *s, plait_u64 frames)
{
	frames = BOUNDED(frames, 2 * FRAMES_MAX - 1);
	plait_u64 size = frames * sizeof(struct plait_wire_frame);
	if (!frames)
		return true;
	fill_header(s, &s->run.frames_header, PLAIT_WIRE_FRAMES, size);
	return frames <= FRAMES_MAX && emit(ctx, s, &s->run.frames_header, sizeof(s->run.frames_header) + size);
}

/* Sends the chunk, but for the last one, and goes on to what is next. */
static inline int send_chunk(plait_context *ctx, struct scratch *s)
{
	struct plait_walk *walk = &s->walk;
	plait_u64 frames = walk->count - walk->flushed;
	s->run.head.frame_count += frames;
	walk->flushed = walk->count;
	if (s->walking)
		return send_frames(ctx, s, frames) ? enter(ctx, s, STAGE_WALK) : drop(s);
	/* The later a status stands in its enum, the more it says about what the sample lacks. */
	if (walk->status > s->run.head.walk)
		s->run.head.walk = walk->status;
	if (walk->plan.shape <= PLAIT_SHAPE_FRAME_OBJECT_CFRAME)
		s->run.head.per_frame = 1;
	if (s->more && next_runtime(s))
		return send_frames(ctx, s, frames) ? enter(ctx, s, STAGE_WALK) : drop(s);
	s->unsent = frames;
	return enter(ctx, s, STAGE_STACK);
}

static inline int run_stage_walk(plait_context *ctx, enum loop_kind loops)
{
	struct scratch *s = scratch_get();
	if (!s)
		return 0;
	walk_chunk(s, loops);
	if (s->unseen_count)
		return enter(ctx, s, STAGE_NAMES);
	return send_chunk(ctx, s);
}
DEFINE_STAGE(stage_walk)

#endif
