/*
 * The stage that walks Python frames, FRAMES_MAX at a time.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_WALK_STAGE_H
#define PLAIT_PYTHON_UNWIND_BPF_WALK_STAGE_H

#define CALLS_MAX 30 /* tail calls; what is left is for the stack */

static inline void code_key(const struct scratch *s, const struct plait_wire_frame *frame, struct sampler_code_key *ret)
{
	ret->process = s->process;
	ret->code = frame->code;
	ret->fingerprint = frame->fingerprint;
}

/* The cache's place for a code object. */
static inline struct sampler_code_key *cache_slot(struct scratch *s, const struct sampler_code_key *key)
{
	return &s->cache[BOUNDED((key->code >> 5) ^ (key->code >> 13), CACHE_SLOTS - 1)];
}

static inline bool cache_has(const struct sampler_code_key *slot, const struct sampler_code_key *key, plait_u64 salt)
{
	return slot->code == key->code && slot->fingerprint == key->fingerprint && slot->process == key->process + salt;
}

static inline void cache_put(struct sampler_code_key *slot, const struct sampler_code_key *key, plait_u64 salt)
{
	slot->code = key->code;
	slot->fingerprint = key->fingerprint;
	slot->process = key->process + salt;
}

/* Is it known in user space, as far as that is possible? `*ret_tries` says how often it was sent incomplete. */
static inline bool is_seen(const struct sampler_code_key *key, plait_u32 *ret_tries)
{
	plait_u32 *value = bpf_map_lookup_elem(&seen, key);
	*ret_tries = value ? *value : 0;
	return *ret_tries >= SAMPLER_SEEN_TRIES;
}

/* Lists the frame at repeat->at when its code object was not sent before. */
static inline bool find_unseen_step(struct repeat *repeat)
{
	struct scratch *s = scratch_get();
	plait_u64 at = repeat->at++;
	if (!s || at >= repeat->limit)
		return false;
	const struct plait_wire_frame *frame = &s->frames.frames[BOUNDED(at, FRAMES_MAX - 1)];
	if (frame->kind != PLAIT_PYTHON_FRAME)
		return true;
	struct sampler_code_key key;
	plait_u32 tries;
	code_key(s, frame, &key);
	struct sampler_code_key *slot = cache_slot(s, &key);
	if (cache_has(slot, &key, s->salt))
		return true;
	cache_put(slot, &key, s->salt);
	if (!is_seen(&key, &tries))
		s->unseen[BOUNDED(s->unseen_count++, FRAMES_MAX - 1)] = at;
	return true;
}
DEFINE_REPEAT(find_unseen_step)

/* Lists the frames of this chunk whose code objects were not sent before. */
static inline void find_unseen(struct scratch *s, enum loop_kind loops, plait_u32 frames)
{
	struct repeat repeat = { .limit = frames };
	s->unseen_count = s->unseen_next = 0;
	repeat_find_unseen_step(loops, loops == LOOP_BOUNDED ? FRAMES_BOUNDED : FRAMES_MAX, &repeat);
}

/* Walks one frame. False when the chunk is full or the chain has ended. */
static inline bool walk_frame(struct repeat *repeat)
{
	struct scratch *s = scratch_get();
	if (!s || !s->walking)
		return false;
	struct plait_walk *walk = &s->walk;
	plait_u64 at = BOUNDED(walk->count - walk->flushed, FRAMES_MAX - 1);
	if (plait_walk_step(NULL, walk, &s->frames.frames[at]) == PLAIT_STEP_END)
		s->walking = 0;
	return walk->count - walk->flushed < repeat->limit;
}
DEFINE_REPEAT(walk_frame)

/* Walks until the chunk is full or the chain ends. */
static inline void walk_chunk(struct scratch *s, enum loop_kind loops)
{
	struct plait_walk *walk = &s->walk;
	if (!s->walking)
		s->walking = plait_walk_begin(NULL, walk);
	const plait_u32 limit = loops == LOOP_BOUNDED ? FRAMES_BOUNDED : FRAMES_MAX;
	struct repeat repeat = { .limit = limit };
	repeat_walk_frame(loops, limit, &repeat);
	if (s->walking && s->calls >= CALLS_MAX) {
		walk->status = PLAIT_WALK_TOO_DEEP;
		s->walking = 0;
	}
	if (!s->walking)
		plait_walk_finish(walk, s->frames.frames, FRAMES_MAX);
}

/* Sends the chunk and goes on to what is next. */
static inline int send_chunk(plait_context *ctx, struct scratch *s)
{
	struct plait_walk *walk = &s->walk;
	plait_u64 frames = walk->count - walk->flushed;
	if (frames) {
		frames = BOUNDED(frames, 2 * FRAMES_MAX - 1);
		if (frames > FRAMES_MAX ||
		    !emit(ctx, s, &s->frames.header, PLAIT_WIRE_FRAMES, frames * sizeof(struct plait_wire_frame)))
			return drop(s);
		s->head.body.frame_count += frames;
		walk->flushed = walk->count;
	}
	if (s->walking)
		return enter(ctx, s, STAGE_WALK);
	/* The later a status stands in its enum, the more it says about what the sample lacks. */
	if (walk->status > s->head.body.walk)
		s->head.body.walk = walk->status;
	if (walk->plan.shape <= PLAIT_SHAPE_FRAME_OBJECT_CFRAME)
		s->head.body.per_frame = 1;
	if (s->more) {
		struct sampler_runtime_key key = { .tgid = s->owner, .slot = ++s->slot };
		const struct sampler_runtime *runtime = bpf_map_lookup_elem(&runtimes, &key);
		if (runtime && s->slot < SAMPLER_RUNTIMES_MAX) {
			use_runtime(s, runtime);
			return enter(ctx, s, STAGE_WALK);
		}
	}
	return enter(ctx, s, STAGE_STACK);
}

static inline int run_stage_walk(plait_context *ctx, enum loop_kind loops)
{
	struct scratch *s = scratch_get();
	if (!s)
		return 0;
	walk_chunk(s, loops);
	find_unseen(s, loops, s->walk.count - s->walk.flushed);
	if (s->unseen_count)
		return enter(ctx, s, STAGE_NAMES);
	return send_chunk(ctx, s);
}
DEFINE_STAGE(stage_walk)

#endif
